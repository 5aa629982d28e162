"""Subscribers: add, list, show, change and remove the systems that get webhooks."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncSession

from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.subscribers import SubscriberRow, SubscriberSecretRow
from app.events.signature import public_key_of
from app.forwarding.subscribers.removal import cancel_all_pending
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.deliveries.filters import count_webhooks
from app.operations.deliveries.models import OutboundWebhookPage, WebhookState
from app.operations.deliveries.webhooks import read_outbound
from app.operations.errors import BadCursor, NotAcceptable
from app.operations.models import check_name
from app.operations.pagination import Place
from app.operations.subscribers.connection import NO_OPTIONS, connection_columns
from app.operations.subscribers.feed_tokens import hash_of, new_feed_token
from app.operations.subscribers.models import (
    NULLABLE,
    NewSubscriber,
    SigningSecret,
    Subscriber,
    SubscriberChange,
    SubscriberInFull,
    SubscriberList,
    SubscriberState,
    SubscriberWithSecret,
)
from app.operations.subscribers.rows import (
    common_of,
    insert_subscriber,
    subscriber_row,
    update_subscriber,
    write_change,
)
from app.operations.subscribers.secrets import insert_secret, secret_for, valid_secrets
from app.operations.subscribers.validation import (
    UrlRules,
    check_event_types,
    check_subscriber_url,
)

_TAKEN_OVER = {
    "name",
    "feed",
    "customer",
    "test",
    "ordered",
    "max_in_flight",
    "timeout_ms",
    "rate_limit",
}
"""Fields of a new subscriber that are stored as they are given."""


async def add_subscriber(
    sessions: Sessions,
    vault: Vault,
    new: NewSubscriber,
    rules: UrlRules,
    actor: Actor,
    once: Once | None = None,
) -> SubscriberWithSecret:
    """Add a subscriber, which gets all later events, and return it with its secret.

    Raise NotAcceptable, NameTaken, NotAllowed or KeyReused.
    """
    check_name(new.name)
    check_delivery_method(new, rules)
    event_types = check_event_types(new.event_types)
    secret = new_feed_token() if new.feed else secret_for(new.secret, asymmetric=new.asymmetric)
    values = new.model_dump(include=_TAKEN_OVER)
    values |= {
        "url": new.url or "",
        "event_types": event_types,
        "feed_hash": hash_of(secret) if new.feed else None,
    }
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return SubscriberWithSecret.model_validate_json(earlier)
        row = await insert_subscriber(session, **values, **connection_columns(vault, None, new))
        if not new.feed:
            await insert_secret(session, vault, row.id, secret)
        await write_entry(
            session, actor, Action.SUBSCRIBER_ADDED, f"subscriber:{new.name}", customer=new.customer
        )
        added = SubscriberWithSecret(**common_of(row), secret=public_key_of(secret) or secret)
        if once:
            await once.keep(session, actor, added.model_dump_json())
    return added


def check_delivery_method(new: NewSubscriber, rules: UrlRules) -> None:
    """Raise NotAcceptable unless the subscriber has a permitted URL, or only polls a feed."""
    if new.feed:
        if new.url is not None:
            raise NotAcceptable("url", "A subscriber either has a URL or polls a feed.")
        if new.secret is not None or new.asymmetric or new.connection_fields_set:
            raise NotAcceptable(
                "feed",
                "A feed is read with a token. It has no signing secret, headers or certificates.",
            )
    elif new.url is None:
        raise NotAcceptable("url", "A subscriber needs a URL unless it polls a feed.")
    else:
        check_subscriber_url(new.url, rules)


async def list_subscribers(sessions: Sessions) -> SubscriberList:
    """Return all subscribers that are not removed, by name."""
    async with sessions() as session:
        return await read_subscribers(session)


async def read_subscribers(session: AsyncSession) -> SubscriberList:
    """Return the answer of `list_subscribers` as part of a larger answer."""
    query = (
        select(SubscriberRow)
        .where(SubscriberRow.state != SubscriberState.REMOVED)
        .order_by(SubscriberRow.name)
    )
    return SubscriberList(
        items=[Subscriber(**common_of(row)) for row in await session.scalars(query)]
    )


async def show_subscriber(sessions: Sessions, name: str) -> SubscriberInFull:
    """Return one subscriber with its secrets' dates and its numbers of webhooks.

    Raise SubscriberNotFound.
    """
    async with snapshot(sessions) as session:
        return await _in_full(session, name)


async def show_subscriber_with_webhooks(
    sessions: Sessions, name: str, place: Place
) -> tuple[SubscriberInFull, OutboundWebhookPage]:
    """Return a subscriber and a page of its webhooks from one snapshot.

    An invalid cursor gives the first page. Raise SubscriberNotFound.
    """
    async with snapshot(sessions) as session:
        subscriber = await _in_full(session, name)
        try:
            return subscriber, await read_outbound(session, place, subscriber=name)
        except BadCursor:
            return subscriber, await read_outbound(
                session, Place(None, place.limit), subscriber=name
            )


async def _in_full(session: AsyncSession, name: str) -> SubscriberInFull:
    row = await subscriber_row(session, name)
    secrets = await valid_secrets(session, row.id)
    return SubscriberInFull(
        **common_of(row),
        secrets=[
            SigningSecret(**{field: getattr(secret, field) for field in SigningSecret.model_fields})
            for secret in secrets
        ],
        pending=await count_webhooks(session, row.id, WebhookState.PENDING),
        dead=await count_webhooks(session, row.id, WebhookState.DEAD),
    )


async def change_subscriber(
    sessions: Sessions,
    vault: Vault,
    name: str,
    change: SubscriberChange,
    rules: UrlRules,
    actor: Actor,
) -> Subscriber:
    """Change the fields that `change` sets. Pending webhooks go to the new URL.

    Raise SubscriberNotFound, NotAcceptable or NotAllowed.
    """
    values = {
        field: getattr(change, field)
        for field in change.model_fields_set - change.connection_fields_set
    }
    if change.url is not None:
        check_subscriber_url(change.url, rules)
    if "event_types" in values:
        values["event_types"] = check_event_types(change.event_types)
    values = {
        field: value for field, value in values.items() if value is not None or field in NULLABLE
    }
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        if row.feed and (change.url is not None or change.connection_fields_set):
            raise NotAcceptable(
                "url", "The subscriber polls a feed. It has no URL, headers or certificates."
            )
        values |= connection_columns(vault, row, change)
        return await write_change(session, row, values, actor, Action.SUBSCRIBER_CHANGED)


async def remove_subscriber(sessions: Sessions, name: str, actor: Actor) -> None:
    """Delete a subscriber's URL and secrets and cancel its pending webhooks.

    Its name and history stay. A webhook in flight may still arrive; if it fails, a worker cancels
    it. Raise SubscriberNotFound or NotAllowed.
    """
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, alone=True)
        await session.execute(
            delete(SubscriberSecretRow).where(SubscriberSecretRow.subscriber_id == row.id)
        )
        await update_subscriber(
            session,
            row.id,
            {
                "state": SubscriberState.REMOVED,
                "url": "",
                "pause_reason": None,
                "feed_hash": None,
                **NO_OPTIONS,
            },
        )
        await write_entry(session, actor, Action.SUBSCRIBER_REMOVED, f"subscriber:{name}")
    await cancel_all_pending(sessions)
