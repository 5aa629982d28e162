"""Which role each route takes: the one table, and the check of it that every request under /v1 passes."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from fastapi import Request

from app.operations.access.permissions import Actor, Operator, Role, Via
from app.operations.errors import NotAllowed

ROLES: Mapping[str, Role] = {
    "show_overview": Role.VIEWER,
    "show_attention": Role.VIEWER,
    "search_orders": Role.VIEWER,
    "show_order": Role.VIEWER,
    "erase_order": Role.ADMIN,
    "list_notices": Role.VIEWER,
    "show_notice": Role.VIEWER,
    "release_notice": Role.OPERATOR,
    "dismiss_notice": Role.OPERATOR,
    "list_rejected_samples": Role.VIEWER,
    "show_rejected_sample": Role.VIEWER,
    "release_rejected_sample": Role.OPERATOR,
    "dismiss_rejected_sample": Role.OPERATOR,
    "list_events": Role.VIEWER,
    "show_event": Role.VIEWER,
    "list_outbound_webhooks": Role.VIEWER,
    "show_outbound_webhook": Role.VIEWER,
    "retry_outbound_webhook": Role.OPERATOR,
    "dismiss_outbound_webhook": Role.OPERATOR,
    "recover_outbound_webhooks": Role.OPERATOR,
    "list_recoveries": Role.VIEWER,
    "show_recovery": Role.VIEWER,
    "start_recovery": Role.OPERATOR,
    "cancel_recovery": Role.OPERATOR,
    "list_subscribers": Role.VIEWER,
    "show_subscriber": Role.VIEWER,
    "pause_subscriber": Role.OPERATOR,
    "resume_subscriber": Role.OPERATOR,
    "send_test_webhook": Role.OPERATOR,
    "add_subscriber": Role.ADMIN,
    "change_subscriber": Role.ADMIN,
    "remove_subscriber": Role.ADMIN,
    "rotate_subscriber_secret": Role.ADMIN,
    "list_tokens": Role.ADMIN,
    "create_token": Role.ADMIN,
    "revoke_token": Role.ADMIN,
    "list_audit": Role.ADMIN,
}
"""Route by name, as the OpenAPI document calls its operation. What is not here cannot be called."""


FOR_FEEDS = frozenset({"list_events"})
"""Routes that the token of a feed opens, and only these."""


def demand_role(request: Request) -> None:
    """Raise NotAllowed unless the operator's role is that of the route, or more, and for a feed unless the route is its own."""
    name = request.scope["route"].name
    if not actor_of(request).role.includes(ROLES[name]) or (
        feed_of(request) is not None and name not in FOR_FEEDS
    ):
        raise NotAllowed(ROLES[name])


def feed_of(request: Request) -> UUID | None:
    """The subscriber whose feed token came with the request; None for an operator's."""
    return cast(Operator, request.state.operator).feed


def actor_of(request: Request) -> Actor:
    """Who makes the request. TokenGuard has let nobody else pass."""
    return cast(Operator, request.state.operator).via(Via.API)
