"""`zeus-relay outbound`: webhooks to subscribers, retries and recoveries."""

from typing import Annotated

import typer

from app.cli.commands import recoveries
from app.cli.context import given, must_be_text, run
from app.cli.output import (
    AsJson,
    Attention,
    Cursor,
    Limit,
    Reason,
    print_end_of_page,
    print_json,
    print_table,
)
from app.operations.attention.dismissal import Dismissal, dismiss_webhook
from app.operations.deliveries import webhooks as operations
from app.operations.deliveries.models import UNDELIVERED, WebhookState
from app.operations.pagination import DEFAULT_LIMIT, Place

app = typer.Typer(help="Webhooks to subscribers.", no_args_is_help=True)
app.add_typer(recoveries.app)

OfSubscriber = Annotated[
    str | None,
    typer.Option(
        "--subscriber",
        help="Only webhooks to this subscriber.",
        callback=must_be_text,
        show_default=False,
    ),
]
State = Annotated[WebhookState | None, typer.Option("--state", help="Only webhooks in this state.")]
WebhookId = Annotated[
    int,
    typer.Argument(
        metavar="ID", help="The webhook's id (see list).", min=1, max=2**63 - 1, show_default=False
    ),
]
Undelivered = Annotated[
    bool,
    typer.Option("--undelivered", help="Only undelivered webhooks (pending or dead)."),
]


@app.command("list")
def list_(
    undelivered: Undelivered = False,
    state: State = None,
    subscriber: OfSubscriber = None,
    attention: Attention = False,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the webhooks, newest first."""
    if undelivered and state:
        raise typer.BadParameter("cannot be combined with --state", param_hint="--undelivered")
    states = UNDELIVERED if undelivered else tuple(filter(None, [state]))
    place = Place(cursor, limit)
    page = run(
        lambda context: operations.list_outbound(
            context.sessions, place, states=states, subscriber=subscriber, attention=attention
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ["ID", "CREATED", "SUBSCRIBER", "TYPE", "ORDER_NO", "STATE", "TRIES", "LAST", "DUE"],
            [
                (
                    w.id,
                    w.created_at,
                    w.subscriber,
                    w.event_type,
                    w.order_no,
                    w.state,
                    w.attempts,
                    w.last_outcome,
                    w.due_at,
                )
                for w in page.items
            ],
        )
    print_end_of_page(page, "No webhooks found.")


@app.command()
def retry(webhook_id: WebhookId, as_json: AsJson = False) -> None:
    """Retry a pending or dead webhook now. Its attempts are counted from zero again."""
    webhook = run(
        lambda context: operations.retry_outbound(context.sessions, webhook_id, context.actor)
    )
    if as_json:
        print_json(webhook)
    else:
        typer.echo(f"{webhook.event_type} to {webhook.subscriber} is due now")


@app.command()
def dismiss(webhook_id: WebhookId, reason: Reason, as_json: AsJson = False) -> None:
    """Dismiss a dead webhook: it needs no attention. It can still be retried."""
    dismissal = given(Dismissal, reason=reason)
    webhook = run(
        lambda context: dismiss_webhook(context.sessions, webhook_id, dismissal, context.actor)
    )
    if as_json:
        print_json(webhook)
    else:
        typer.echo(f"dismissed {webhook.id}")
