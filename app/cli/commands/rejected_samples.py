"""Commands of `zeus-relay notices` for rejected calls that look like Zeus's."""

from typing import Annotated
from uuid import UUID

import typer

from app.cli.context import given, run
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
from app.operations.notices import rejected as operations
from app.operations.notices.rejected import RejectedSample
from app.operations.pagination import DEFAULT_LIMIT, Place

SampleId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The sample's id.", show_default=False)
]


def add_commands(app: typer.Typer) -> None:
    """Add the commands for rejected calls to `notices`."""
    for command in (rejected, show_rejected, release_rejected, dismiss_rejected):
        app.command()(command)


def rejected(
    attention: Attention = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List rejected calls that look like Zeus's, newest first."""
    page = run(
        lambda context: operations.list_samples(
            context.sessions, Place(cursor, limit), attention=attention
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
    """Show a rejected call: its raw bytes and the parsed parameters."""
    sample = run(
        lambda context: operations.show_sample(
            context.sessions, sample_id, shown_to=context.shown_to(personal)
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
    """Record a rejected call as a notice; a worker judges it. Allow its source, too."""
    notice = run(
        lambda context: operations.release_sample(context.sessions, sample_id, context.actor)
    )
    if as_json:
        print_json(notice)
    else:
        typer.echo(f"released as notice {notice.id}; a worker judges it within a moment")


def dismiss_rejected(sample_id: SampleId, reason: Reason, as_json: AsJson = False) -> None:
    """Dismiss a rejected call: it needs no attention."""
    dismissal = given(Dismissal, reason=reason)
    sample = run(
        lambda context: dismissals.dismiss_sample(
            context.sessions, sample_id, dismissal, context.actor
        )
    )
    if as_json:
        print_json(sample)
    else:
        typer.echo(f"dismissed {sample.id}")


def _row(sample: RejectedSample) -> tuple[object, ...]:
    status = " ".join(part for part in (sample.status, sample.status_name) if part)
    return sample.received_at, sample.order_no, status, sample.dismissal, sample.id
