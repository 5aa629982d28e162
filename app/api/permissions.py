"""Permissions of the routes under /v1: the action or read of each route, checked per request."""

from collections.abc import Mapping
from typing import cast
from uuid import UUID

from fastapi import Request

from app.operations.access.permissions import ROLE_OF, Action, Actor, Operator, Read, Via, allows
from app.operations.errors import NotAllowed

PERMISSIONS: Mapping[str, Action | Read] = {
    "show_overview": Read.RECORDS,
    "show_attention": Read.RECORDS,
    "search_orders": Read.RECORDS,
    "export_orders": Read.RECORDS,
    "export_events": Read.RECORDS,
    "export_reviews": Read.RECORDS,
    "show_totals": Read.RECORDS,
    "export_totals": Read.RECORDS,
    "show_order": Read.RECORDS,
    "erase_order": Action.ORDER_ERASED,
    "list_notices": Read.RECORDS,
    "show_notice": Read.RECORDS,
    "release_notice": Action.NOTICE_RELEASED,
    "dismiss_notice": Action.NOTICE_DISMISSED,
    "list_rejected_samples": Read.RECORDS,
    "show_rejected_sample": Read.RECORDS,
    "release_rejected_sample": Action.SAMPLE_RELEASED,
    "dismiss_rejected_sample": Action.SAMPLE_DISMISSED,
    "list_reviews": Read.RECORDS,
    "show_review": Read.RECORDS,
    "settle_review": Action.REVIEW_SETTLED,
    "add_review_note": Action.REVIEW_NOTED,
    "mark_order_unwanted": Action.ORDER_UNWANTED,
    "unmark_order_unwanted": Action.ORDER_WANTED,
    "show_unwanted_sendid": Read.RECORDS,
    "mark_sendid_unwanted": Action.ORDER_UNWANTED,
    "unmark_sendid_unwanted": Action.ORDER_WANTED,
    "list_events": Read.RECORDS,
    "show_event": Read.RECORDS,
    "list_event_types": Read.RECORDS,
    "list_outbound_webhooks": Read.RECORDS,
    "show_outbound_webhook": Read.RECORDS,
    "retry_outbound_webhook": Action.WEBHOOK_RETRIED,
    "dismiss_outbound_webhook": Action.WEBHOOK_DISMISSED,
    "recover_outbound_webhooks": Action.WEBHOOKS_RECOVERED,
    "list_recoveries": Read.RECORDS,
    "show_recovery": Read.RECORDS,
    "start_recovery": Action.WEBHOOKS_RECOVERED,
    "cancel_recovery": Action.RECOVERY_CANCELLED,
    "apply_for_slip": Action.APPLICATION_SENT,
    "list_applications": Read.APPLICATIONS,
    "show_application": Read.APPLICATIONS,
    "show_application_page": Read.APPLICATIONS,
    "resolve_application": Action.APPLICATION_RESOLVED,
    "list_reconciliations": Read.RECORDS,
    "show_reconciliation": Read.RECORDS,
    "start_reconciliation": Action.ORDERS_RECONCILED,
    "hand_in_mails": Action.MAIL_HANDED_IN,
    "list_mails": Read.RECORDS,
    "show_mail": Read.RECORDS,
    "heal_mail": Action.MAIL_HEALED,
    "dismiss_mail": Action.MAIL_DISMISSED,
    "list_subscribers": Read.RECORDS,
    "show_subscriber": Read.RECORDS,
    "pause_subscriber": Action.SUBSCRIBER_PAUSED,
    "resume_subscriber": Action.SUBSCRIBER_RESUMED,
    "send_test_webhook": Action.SUBSCRIBER_TESTED,
    "add_subscriber": Action.SUBSCRIBER_ADDED,
    "change_subscriber": Action.SUBSCRIBER_CHANGED,
    "remove_subscriber": Action.SUBSCRIBER_REMOVED,
    "rotate_subscriber_secret": Action.SECRET_ROTATED,
    "list_tokens": Read.TOKENS,
    "create_token": Action.TOKEN_CREATED,
    "revoke_token": Action.TOKEN_REVOKED,
    "list_audit": Read.AUDIT,
}
"""Action or read of each route, by the operation id of the OpenAPI document.

A route that is missing here cannot be called. `app.operations.access.permissions` alone maps
actions and reads to roles.
"""

FOR_FEEDS = frozenset({"list_events"})
"""Routes that a feed token may call. It may call no other."""


async def demand_role(request: Request) -> None:
    """Raise NotAllowed if the operator's role is too low, or a feed token calls another route."""
    name = request.scope["route"].name
    needed = PERMISSIONS[name]
    closed_to_feeds = feed_of(request) is not None and name not in FOR_FEEDS
    if closed_to_feeds or not allows(_operator_of(request).role, needed):
        raise NotAllowed(ROLE_OF[needed])


def feed_of(request: Request) -> UUID | None:
    """Return the id of the subscriber whose feed token came along, or None for an operator."""
    return _operator_of(request).feed


async def actor_of(request: Request) -> Actor:
    """Return the actor that TokenGuard has authenticated for this request."""
    return _operator_of(request).via(Via.API)


def _operator_of(request: Request) -> Operator:
    return cast(Operator, request.state.operator)
