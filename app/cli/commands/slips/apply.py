"""`zeus-relay apply`: apply to Zeus for one payment slip."""

import secrets
from typing import Annotated, Any
from uuid import UUID

import typer

from app.applications.states import TestKind
from app.cli.commands.slips.printing import EXIT_CODES, print_application
from app.cli.context import FAILED, CommandContext, must_be_text, run
from app.cli.output import AsJson
from app.operations.applications.applicant import applicant_of
from app.operations.applications.apply import apply_for_slip
from app.operations.applications.errors import RequestNotAcceptable, SlipExists
from app.operations.applications.models import Application, NewApplication


def _option(name: str, text: str, **options: Any) -> Any:
    return typer.Option(name, help=text, callback=must_be_text, show_default=False, **options)


Money = Annotated[int, typer.Option("--money", metavar="YEN", help="The amount in yen.")]
Store = Annotated[str, _option("--store", "Store chain, by name or code, such as lawson or D002.")]
Name = Annotated[str, _option("--name", "The customer's name, in kana.")]
Telno = Annotated[str, _option("--telno", "The customer's telephone number.")]
Email = Annotated[str, _option("--email", "The customer's e-mail address.")]
NewSendid = Annotated[str | None, _option("--sendid", "Your own number of the purchase (sendid).")]
Sendpoint = Annotated[
    str | None, _option("--sendpoint", "A value of yours in place of the relay's reference.")
]
Clientip = Annotated[str | None, _option("--clientip", "The IPコード, if you have several.")]
AsTest = Annotated[
    TestKind | None,
    typer.Option("--test", help="Make it a test of this kind.", show_default=False),
]
Replaces = Annotated[
    UUID | None,
    typer.Option(
        "--replaces",
        metavar="ID",
        help="The earlier application of the same purchase that this one replaces.",
        show_default=False,
    ),
]
Key = Annotated[
    str | None,
    _option(
        "--idempotency-key",
        "The key of this application: the same key never makes a second slip. Without it, one is "
        "made and printed.",
        metavar="KEY",
    ),
]


def apply(
    money: Money,
    store: Store,
    name: Name,
    telno: Telno,
    email: Email,
    sendid: NewSendid = None,
    sendpoint: Sendpoint = None,
    clientip: Clientip = None,
    test: AsTest = None,
    replaces: Replaces = None,
    key: Key = None,
    as_json: AsJson = False,
) -> None:
    """Apply to Zeus for a payment slip.

    Exit codes: 0 accepted; 3 the outcome is not known, so do not apply again; 4 Zeus refused it; 5
    nothing was sent, so the same key may be tried again.
    """
    if key is None:
        key = secrets.token_urlsafe(18)
        # Before sending: whoever must repeat the command after a crash needs it.
        typer.echo(f"--idempotency-key {key}", err=True)
    given = {
        "money": money,
        "store": store,
        "customer": {"name": name, "telno": telno, "email": email},
        "sendid": sendid,
        "sendpoint": sendpoint,
        "clientip": clientip,
        "test": test,
        "replaces": replaces,
    }
    request = NewApplication(
        **{field: value for field, value in given.items() if value is not None}
    )
    application = run(lambda context: _apply(context, request, key))
    print_application(application, as_json=as_json)
    if code := EXIT_CODES[application.state]:
        raise typer.Exit(code)


async def _apply(context: CommandContext, request: NewApplication, key: str) -> Application:
    applicant = applicant_of(context.settings, context.sessions)
    try:
        return await apply_for_slip(
            context.sessions,
            applicant,
            request,
            key,
            context.actor,
            support=context.settings.support_contact,
        )
    except RequestNotAcceptable as error:
        for fault in error.faults:
            typer.echo(f"{fault.pointer}: {fault.message}", err=True)
        raise typer.Exit(FAILED) from None
    except SlipExists as error:
        typer.echo(f"{error} Its id is {error.application_id}.", err=True)
        raise typer.Exit(FAILED) from None
    finally:
        if applicant is not None:
            await applicant.close()
