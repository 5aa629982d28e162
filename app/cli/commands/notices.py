"""`zeus-relay notices`: Zeus's calls and the verdicts on them."""

from collections.abc import Sequence
from typing import Annotated
from uuid import UUID

import typer

from app.cli.commands import rejected_samples
from app.cli.context import given, must_be_text, run
from app.cli.output import (
    AsJson,
    Attention,
    Cursor,
    Limit,
    Personal,
    Reason,
    print_end_of_page,
    print_fields,
    print_json,
    print_table,
)
from app.operations.attention import dismissal as dismissals
from app.operations.attention.dismissal import Dismissal
from app.operations.notices import notices as operations
from app.operations.notices import release as releases
from app.operations.notices.notices import Notice, NoticeInFull, VerdictFilter
from app.operations.notices.release import NoticeRelease
from app.operations.pagination import DEFAULT_LIMIT, Place

app = typer.Typer(help="Zeus's calls and the verdicts on them.", no_args_is_help=True)
rejected_samples.add_commands(app)

NoticeId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The notice's id.", show_default=False)
]
Corrections = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="NAME=VALUE",
        help="A corrected value of a parameter, such as status=04. May be repeated. An empty value "
        "removes the parameter.",
        show_default=False,
    ),
]
OfVerdict = Annotated[
    VerdictFilter | None, typer.Option("--verdict", help="Only notices with this verdict.")
]
OfOrder = Annotated[
    str | None,
    typer.Option(
        "--order-no", help="Only notices of this order.", callback=must_be_text, show_default=False
    ),
]


@app.command("list")
def list_(
    verdict: OfVerdict = None,
    order_no: OfOrder = None,
    attention: Attention = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the calls, newest first."""
    place = Place(cursor, limit)
    page = run(
        lambda context: operations.list_notices(
            context.sessions, place, verdict=verdict, order_no=order_no, attention=attention
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ["RECEIVED", "ORDER_NO", "STATUS", "VERDICT", "REASONS", "FLAGS", "ID"],
            [_row(notice) for notice in page.items],
        )
    print_end_of_page(page, "No calls found.")


@app.command()
def show(notice_id: NoticeId, as_json: AsJson = False, personal: Personal = False) -> None:
    """Show a call: its raw bytes and the parsed parameters."""
    notice = run(
        lambda context: operations.show_notice(
            context.sessions, notice_id, shown_to=context.shown_to(personal)
        )
    )
    if as_json:
        print_json(notice)
    else:
        _print_in_full(notice)


@app.command()
def release(notice_id: NoticeId, corrections: Corrections = None, as_json: AsJson = False) -> None:
    """Release a call from quarantine; a worker then judges it, with corrected values if given."""
    wanted = given(NoticeRelease, parameters=_pairs(corrections)) if corrections else None
    notice = run(
        lambda context: releases.release_notice(
            context.sessions, notice_id, context.actor, wanted, context.decision_rules
        )
    )
    if as_json:
        print_json(notice)
    else:
        typer.echo(f"released {notice.id}; a worker judges it within a moment")


@app.command()
def dismiss(notice_id: NoticeId, reason: Reason, as_json: AsJson = False) -> None:
    """Dismiss a quarantined or conflicting call: it needs no attention. Its verdict stays."""
    dismissal = given(Dismissal, reason=reason)
    notice = run(
        lambda context: dismissals.dismiss_notice(
            context.sessions, notice_id, dismissal, context.actor, context.decision_rules
        )
    )
    if as_json:
        print_json(notice)
    else:
        typer.echo(f"dismissed {notice.id}")


def _pairs(texts: Sequence[str]) -> dict[str, str]:
    """Return the corrections by parameter. Raise BadParameter for one without an equals sign."""
    pairs = [str(must_be_text(text)).partition("=") for text in texts]
    if not all(equals for _, equals, _ in pairs):
        raise typer.BadParameter("needs NAME=VALUE", param_hint="--set")
    return {name: value for name, _, value in pairs}


def _row(notice: Notice) -> tuple[object, ...]:
    status = " ".join(part for part in (notice.status, notice.status_name) if part)
    return (
        notice.received_at,
        notice.order_no,
        status,
        notice.verdict or "unjudged",
        notice.reasons,
        notice.flags,
        notice.id,
    )


def _print_in_full(notice: NoticeInFull) -> None:
    names = ("received", "order_no", "status", "verdict", "reasons", "flags", "id")
    fields: dict[str, object] = dict(zip(names, _row(notice), strict=True))
    print_fields(
        {
            **fields,
            "answered": notice.answered_at,
            "source": notice.source,
            "events": notice.event_ids,
            "to correct": notice.to_correct,
        }
    )
    typer.echo("\nParameters")
    print_table(
        ["NAME", "VALUE"],
        [
            *notice.parameters.items(),
            *((f"{name} (unknown)", value) for name, value in notice.unknown.items()),
        ],
    )
    if notice.corrections:
        typer.echo("\nCorrected by an operator")
        print_table(["NAME", "VALUE"], list(notice.corrections.items()))
    typer.echo(f"\nRaw\n{notice.method} {notice.target}")
    typer.echo(notice.headers.replace("\\r\\n", "\n"))
    typer.echo(notice.body)
