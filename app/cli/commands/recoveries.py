"""`zeus-relay outbound recover`, `recoveries` and `cancel-recovery`: resending in bulk."""

from datetime import datetime
from typing import Annotated
from uuid import UUID

import typer

from app.cli.commands.subscribers import event_types_of
from app.cli.context import given, run
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    print_end_of_page,
    print_json,
    print_table,
)
from app.clock import now
from app.operations.pagination import DEFAULT_LIMIT, Place
from app.operations.subscribers import recovery as operations
from app.operations.subscribers.recovery import RecoveryRequest
from app.settings import parse_duration

app = typer.Typer()


SinceOption = Annotated[
    str,
    typer.Option(
        "--since",
        help=("Start of the period: a time with its zone (2026-11-23T09:00+09:00) or an age (2h)."),
        show_default=False,
    ),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        help="End of the period, in the same form. (default: now)",
        show_default=False,
    ),
]
EventsOption = Annotated[
    str | None,
    typer.Option(
        "--events", help="Only these event types, separated by commas.", show_default=False
    ),
]
EverythingOption = Annotated[
    bool,
    typer.Option(
        "--everything",
        "--all",
        help="Include delivered webhooks, and events from before the subscriber was added.",
    ),
]
RateOption = Annotated[
    int | None,
    typer.Option("--rate", help="Webhooks per second. (default: no limit)", show_default=False),
]


@app.command()
def recover(
    subscriber: Annotated[str, typer.Argument(help="The subscriber's name.", show_default=False)],
    since: SinceOption,
    until: UntilOption = None,
    events: EventsOption = None,
    everything: EverythingOption = False,
    rate: RateOption = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only count the webhooks.")] = False,
    as_json: AsJson = False,
) -> None:
    """Resend webhooks that a subscriber missed. Workers send them; each keeps its webhook-id."""
    request = given(
        RecoveryRequest,
        subscriber=subscriber,
        since=_moment(since, "--since"),
        until=_moment(until, "--until") if until else None,
        event_types=event_types_of(events),
        everything=everything,
        rate=rate,
        dry_run=dry_run,
    )
    recovery = run(lambda context: operations.recover(context.sessions, request, context.actor))
    if as_json:
        print_json(recovery)
    else:
        typer.echo(f"{recovery.webhooks} webhooks {'would be' if dry_run else 'will be'} resent")


@app.command()
def recoveries(
    limit: Limit = DEFAULT_LIMIT, cursor: Cursor = None, as_json: AsJson = False
) -> None:
    """List the recoveries and their progress, newest first."""
    page = run(lambda context: operations.list_recoveries(context.sessions, Place(cursor, limit)))
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ["ID", "ORDERED", "BY", "SUBSCRIBER", "SCOPE", "RATE", "STATE", "DONE", "OF"],
            [
                (
                    job.id,
                    job.created_at,
                    job.created_by,
                    job.subscriber,
                    job.scope,
                    job.rate,
                    job.state,
                    job.done,
                    job.total,
                )
                for job in page.items
            ],
        )
    print_end_of_page(page, "No recoveries found.")


@app.command("cancel-recovery")
def cancel_recovery(
    recovery_id: Annotated[
        UUID,
        typer.Argument(
            metavar="ID", help="The recovery's id (see recoveries).", show_default=False
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Cancel a recovery. Webhooks that are already due are still sent."""
    job = run(
        lambda context: operations.cancel_recovery(context.sessions, recovery_id, context.actor)
    )
    if as_json:
        print_json(job)
    else:
        typer.echo(f"cancelled after {job.done} of {job.total}")


def _moment(text: str, option: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return _ago(text, option)
    if moment.tzinfo is None:
        raise typer.BadParameter(f"needs a time zone, such as {text}+09:00", param_hint=option)
    return moment


def _ago(text: str, option: str) -> datetime:
    try:
        return now() - parse_duration(text)
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "must be a time such as 2026-11-23T09:00+09:00, or a duration such as 2h",
            param_hint=option,
        ) from None
