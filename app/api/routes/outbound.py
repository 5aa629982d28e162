"""Routes of outbound webhooks, /v1/outbound-webhooks: list, show, retry, dismiss."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Query

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithOnce, WithPlace
from app.api.problems import documented
from app.operations.attention.dismissal import Dismissal, dismiss_webhook
from app.operations.deliveries import webhooks as operations
from app.operations.deliveries.models import (
    OutboundWebhookInFull,
    OutboundWebhookPage,
    WebhookState,
)
from app.operations.models import Line
from app.operations.subscribers.recovery import Recovery, RecoveryRequest
from app.operations.subscribers.recovery import recover as recover_webhooks

router = APIRouter(prefix="/outbound-webhooks", tags=["outbound webhooks"])

WebhookId = Annotated[int, Path(ge=1, le=2**63 - 1, description="The outbound webhook's id.")]
States = Annotated[
    list[WebhookState],
    Query(
        description="Only webhooks in one of these states; `pending` and `dead` are undelivered."
    ),
]


@router.get("")
async def list_outbound_webhooks(
    dependencies: WithDependencies,
    place: WithPlace,
    state: States = [],  # noqa: B006 - the framework copies it
    subscriber: Annotated[
        Line | None,
        Query(max_length=100, description="Only webhooks to the subscriber of this name."),
    ] = None,
    attention: Annotated[
        bool, Query(description="Only dead webhooks that nobody has dismissed.")
    ] = False,
) -> OutboundWebhookPage:
    """List outbound webhooks, delivered and not, the newest first."""
    return await operations.list_outbound(
        dependencies.sessions, place, states=state, subscriber=subscriber, attention=attention
    )


@router.get("/{webhook_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_outbound_webhook(
    dependencies: WithDependencies, webhook_id: WebhookId, shown_to: ShownTo
) -> OutboundWebhookInFull:
    """Show one outbound webhook with every attempt."""
    return await operations.show_outbound(dependencies.sessions, webhook_id, shown_to=shown_to)


@router.post("/{webhook_id}/retry", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT))
async def retry_outbound_webhook(
    dependencies: WithDependencies, actor: WithActor, webhook_id: WebhookId
) -> OutboundWebhookInFull:
    """Send a pending or dead webhook now. Its attempts are counted from zero again."""
    return await operations.retry_outbound(dependencies.sessions, webhook_id, actor)


@router.post(
    "/{webhook_id}/dismiss", responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)
)
async def dismiss_outbound_webhook(
    dependencies: WithDependencies, actor: WithActor, webhook_id: WebhookId, dismissal: Dismissal
) -> OutboundWebhookInFull:
    """Remove a dead webhook from the attention list. It can still be retried."""
    return await dismiss_webhook(dependencies.sessions, webhook_id, dismissal, actor)


@router.post("/recover", responses=documented(HTTPStatus.NOT_FOUND))
async def recover_outbound_webhooks(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, request: RecoveryRequest
) -> Recovery:
    """Resend what a subscriber missed in a time range. Each webhook keeps its `webhook-id`."""
    return await recover_webhooks(dependencies.sessions, request, actor, once)
