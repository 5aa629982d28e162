"""`zeus-relay notices rejected|show-rejected|release-rejected|dismiss-rejected`: calls from strangers that look like Zeus's."""

from typing import Annotated
from uuid import UUID

import typer

from app.cli.context import given, run
from app.cli.output import (
    USUAL_LIMIT,
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
from app.operations.notices import rejected as operations
from app.operations.notices.rejected import RejectedSample
from app.operations.pagination import Place
from app.operations.reviews import dismissal as dismissals
from app.operations.reviews.dismissal import Dismissal

SampleId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The sample's id.", show_default=False)
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands to `notices`."""
    for command in (rejected, show_rejected, release_rejected, dismiss_rejected):
        app.command()(command)


def rejected(
    attention: Attention = False,
    limit: Limit = USUAL_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List rejected calls that look like Zeus's, the latest first."""
    page = run(
        lambda desk: operations.list_samples(
            desk.sessions, Place(cursor, limit), attention=attention
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ["RECEIVED", "ORDER_NO", "STATUS", "DISMISSED", "ID"],
            [_row(sample) for sample in page.items],
        )
    print_end_of_page(page, "No call that looks like Zeus's was rejected.")


def show_rejected(sample_id: SampleId, as_json: AsJson = False, personal: Personal = False) -> None:
    """Show a rejected call with its raw bytes and how they read."""
    sample = run(
        lambda desk: operations.show_sample(
            desk.sessions, sample_id, shown_to=desk.shown_to(personal)
        )
    )
    if as_json:
        print_json(sample)
        return
    print_fields(
        {
            "received": sample.received_at,
            "source": sample.source,
            "dismissed": sample.dismissal,
            "id": sample.id,
        }
    )
    typer.echo("\nParameters")
    print_table(
        ["NAME", "VALUE"],
        [
            *sample.parameters.items(),
            *((f"{name} (unknown)", value) for name, value in sample.unknown.items()),
        ],
    )
    typer.echo(f"\nRaw\n{sample.method} {sample.target}")
    typer.echo(sample.headers.replace("\\r\\n", "\n"))
    typer.echo(sample.body)


def release_rejected(sample_id: SampleId, as_json: AsJson = False) -> None:
    """Make a notice of a rejected call, to be judged like any other. Add its source to the allowed ones too."""
    notice = run(lambda desk: operations.release_sample(desk.sessions, sample_id, desk.actor))
    if as_json:
        print_json(notice)
    else:
        typer.echo(f"released as notice {notice.id}; a worker judges it within a moment")


def dismiss_rejected(sample_id: SampleId, reason: Reason, as_json: AsJson = False) -> None:
    """Take a rejected call out of what needs attention."""
    dismissal = given(Dismissal, reason=reason)
    sample = run(
        lambda desk: dismissals.dismiss_sample(desk.sessions, sample_id, dismissal, desk.actor)
    )
    if as_json:
        print_json(sample)
    else:
        typer.echo(f"dismissed {sample.id}")


def _row(sample: RejectedSample) -> tuple[object, ...]:
    status = " ".join(part for part in (sample.status, sample.status_name) if part)
    return sample.received_at, sample.order_no, status, sample.dismissal, sample.id
