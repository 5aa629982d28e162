"""`zeus-relay onboarding`: progress of the operational test with Zeus."""

from datetime import timedelta
from typing import Annotated, Any

import typer

from app.applications.states import TestKind
from app.cli.commands.slips.operational_test import TestOptions, run_test
from app.cli.context import FAILED, must_be_text, run
from app.cli.output import AsJson, print_fields, print_json, print_table
from app.operations.doctor.onboarding import DEFAULT_DAYS, Onboarding, read_onboarding
from app.operations.operational_test.plan import is_run
from app.settings import parse_duration
from app.zeus.stores import BY_SLUG, STORES, Store


def _store(text: str) -> Store:
    store = BY_SLUG.get(text) or STORES.get(text)
    if store is None:
        raise typer.BadParameter(f"is none of {', '.join(BY_SLUG)}")
    return store


def _duration(text: str) -> timedelta:
    try:
        return parse_duration(text)
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None


def _text(name: str, text: str, **options: Any) -> Any:
    return typer.Option(name, help=text, callback=must_be_text, show_default=False, **options)


Apply = Annotated[
    bool,
    typer.Option("--apply", help="Send the test applications, and wait for their calls and mails."),
]
TestName = Annotated[str | None, _text("--name", "With --apply: the customer's name, in kana.")]
TestTelno = Annotated[str | None, _text("--telno", "With --apply: a telephone number of yours.")]
TestEmail = Annotated[str | None, _text("--email", "With --apply: an e-mail address of yours.")]
TestStores = Annotated[
    list[Store] | None,
    typer.Option(
        "--store",
        parser=_store,
        metavar="STORE",
        help="With --apply: only this store chain, by name or code. Can be given several times.",
        show_default=False,
    ),
]
TestKinds = Annotated[
    list[TestKind] | None,
    typer.Option(
        "--kind",
        help="With --apply: only tests of this kind. Can be given several times.",
        show_default=False,
    ),
]
TestClientip = Annotated[
    str | None, _text("--clientip", "With --apply: the IPコード, if you have several.")
]


def _run_name(text: str | None) -> str | None:
    if text is not None and not is_run(text):
        raise typer.BadParameter("must be the twelve digits that an earlier test printed")
    return text


Run = Annotated[
    str | None,
    typer.Option(
        "--run",
        help="With --apply: go on with this run. No test of it is sent twice.",
        callback=_run_name,
        show_default=False,
    ),
]
Wait = Annotated[
    timedelta | None,
    typer.Option(
        "--wait",
        parser=_duration,
        metavar="DURATION",
        help="With --apply: how long to wait, such as 40m. Without it, until Zeus should have "
        "played everything.",
        show_default=False,
    ),
]


ExpectMails = Annotated[
    bool | None,
    typer.Option(
        "--mails/--no-mails",
        help="With --apply: wait for Zeus's mails too. Without it, if a mailbox is set or mails "
        "came in the last two weeks.",
        show_default=False,
    ),
]


def onboarding(
    days: Annotated[
        int, typer.Option("--days", min=1, max=365, help="Days to look back.")
    ] = DEFAULT_DAYS,
    apply: Apply = False,
    name: TestName = None,
    telno: TestTelno = None,
    email: TestEmail = None,
    stores: TestStores = None,
    kinds: TestKinds = None,
    clientip: TestClientip = None,
    test_run: Run = None,
    wait: Wait = None,
    mails: ExpectMails = None,
    as_json: AsJson = False,
) -> None:
    """List the statuses and parameters that Zeus has sent, and those that are missing.

    With --apply, run the operational test: each store chain with each kind of test. The exit code
    is 1 if not everything arrived.
    """
    if apply:
        customer = {"name": name or "", "telno": telno or "", "email": email or ""}
        chosen = TestOptions(
            run=test_run,
            stores=tuple(stores or STORES.values()),
            kinds=tuple(kinds or TestKind),
            customer=customer,
            clientip=clientip,
            wait=wait,
            mails=mails,
            as_json=as_json,
        )
        if not run(lambda context: run_test(context, chosen)):
            raise typer.Exit(FAILED)
        return
    found = run(lambda context: read_onboarding(context.sessions, days))
    if as_json:
        print_json(found)
    else:
        _print(found)


def _print(found: Onboarding) -> None:
    print_fields({"since": found.since, "calls": found.calls, "last call": found.last_at})
    typer.echo("\nStatuses")
    rows = [
        (seen.status, seen.name, seen.calls, seen.last_at, seen.todo) for seen in found.statuses
    ]
    print_table(("status", "name", "calls", "last", "how to get it"), rows, indent=2)
    typer.echo("\nParameters")
    parameters = [
        (seen.name, seen.japanese, seen.calls, seen.filled, seen.last_at)
        for seen in found.parameters
    ]
    print_table(("parameter", "name", "calls", "not empty", "last"), parameters, indent=2)
    typer.echo(
        "\nWhat to do"
        if found.todo
        else "\nEverything that a test with Zeus can produce has arrived."
    )
    for line in found.todo:
        typer.echo(f"  - {line}")
