"""Subscribers: adding, changing, pausing, resuming and removing the systems that get webhooks."""

from enum import StrEnum
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr
from sqlalchemy import delete, func, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.tables import SubscriberRow, SubscriberSecretRow
from app.db.wakeup import OUTBOUND
from app.events.signature import public_key_of
from app.forwarding.secrets import Vault
from app.operating.access import SERVICE, Action, Actor
from app.operating.audit import write_entry
from app.operating.checks import UrlRules, check_event_types, check_name, check_subscriber_url
from app.operating.feed_tokens import hash_of, new_feed_token
from app.operating.idempotency import Once
from app.operating.outbound import WebhookState, cancel_pending, count_webhooks
from app.operating.refusals import NameTaken, NotAcceptable, SubscriberNotFound
from app.operating.secrets import insert_secret, secret_for, valid_secrets
from app.operating.subscriber_fields import NULLABLE, RESUMED, EventTypes, HealthFields, MaxInFlight, Name, RateLimit, Timeout, Url
from app.operating.transports import NO_TRANSPORT, TransportFields, transport_columns
from app.operating.values import Moment, Value


class SubscriberState(StrEnum):
    """Whether a subscriber is sent webhooks. What is owed to a paused one is held, not lost."""

    ACTIVE = "active"
    PAUSED = "paused"
    REMOVED = "removed"


class Subscriber(HealthFields):
    """A merchant system that gets webhooks."""

    name: Annotated[str, Field(examples=["shop"])]
    url: Annotated[str, Field(examples=["https://shop.example/hooks"])]
    event_types: Annotated[list[str] | None, Field(examples=[["payment.received"]])]
    """The types of events it gets; None for all."""
    customer: bool
    """Whether its webhooks carry the customer's name, telephone number and e-mail address."""
    ordered: bool
    """Whether it gets the events of one order one after the other, each after the one before was delivered or given up."""
    max_in_flight: int
    """How many webhooks it is sent at once at most."""
    timeout_ms: int | None
    """How long an attempt may take; None for the usual time."""
    rate_limit: int | None
    """How many webhooks a second it is sent at most; None for no limit."""
    state: SubscriberState
    pause_reason: str | None
    feed: bool
    """Whether it polls a feed with a token of its own: then it has no URL and is sent nothing."""
    header_names: Annotated[list[str], Field(examples=[["authorization"]])]
    """The headers of its own that its webhooks carry; their values are not shown."""
    private_ca: bool
    """Whether its certificate must come from an authority of its own."""
    client_certificate_expires_at: Moment | None
    """When the certificate that it is shown expires; None if it is shown none."""
    declared: bool
    """Whether RELAY_SUBSCRIBERS declares it: then a restart undoes changes of its URL, types and secret."""
    created_at: Moment
    updated_at: Moment


class SubscriberWithSecret(Subscriber):
    """A subscriber with what it needs from us, which is shown this once."""

    secret: Annotated[str, Field(examples=["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="])]
    """The shared signing secret `whsec_…`; or the public key `whpk_…` that verifies Ed25519 signatures; or the token `zft_…` of a feed."""


class SigningSecret(Value):
    """A valid signing secret, without the secret."""

    created_at: Moment
    expires_at: Moment | None
    """When it ceases to be used; None for the current one."""
    public_key: Annotated[str | None, Field(examples=["whpk_11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="])]
    """What verifies its signatures, if it is an Ed25519 key; None for a shared secret."""


class SubscriberInFull(Subscriber):
    """A subscriber with its secrets' dates and what is owed to it."""

    secrets: list[SigningSecret]
    pending: int
    """Webhooks that wait for their next attempt, counted up to 10,000."""
    dead: int
    """Webhooks that were given up, counted up to 10,000."""


class SubscriberList(Value):
    """All subscribers."""

    items: list[Subscriber]


class NewSubscriber(TransportFields):
    """What a new subscriber is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Name
    """Letters of any script, digits, `.`, `_` and `-`; unique."""
    url: Url | None = None
    """Where its webhooks are sent; left out for a feed."""
    feed: bool = False
    """Whether it polls a feed with a token, because it cannot be called."""
    event_types: EventTypes = None
    """The types of events it gets; left out or null for all."""
    customer: bool = False
    """Whether its webhooks carry the customer's name, telephone number and e-mail address."""
    ordered: bool = True
    """Whether it gets the events of one order one after the other, each after the one before was delivered or given up."""
    max_in_flight: MaxInFlight = 16
    """How many webhooks it is sent at once at most."""
    timeout_ms: Timeout | None = None
    """How long an attempt may take; left out: the usual time."""
    rate_limit: RateLimit | None = None
    """How many webhooks a second it is sent at most; null for no limit."""
    secret: SecretStr | None = None
    """A signing secret of your own: `whsec_` and 24 to 64 bytes in base64. Left out: one is made."""
    asymmetric: bool = False
    """Whether webhooks are signed with an Ed25519 key, of which the subscriber gets the public half."""


class SubscriberChange(TransportFields):
    """What of a subscriber is to change; what is left out stays."""

    model_config = ConfigDict(extra="forbid")

    url: Url | None = None
    event_types: EventTypes = None
    """Null for all types."""
    customer: bool | None = None
    ordered: bool | None = None
    max_in_flight: MaxInFlight | None = None
    timeout_ms: Timeout | None = None
    """Null for the usual time."""
    rate_limit: RateLimit | None = None
    """Null for no limit."""


async def add_subscriber(
    sessions: Sessions, vault: Vault, new: NewSubscriber, rules: UrlRules, actor: Actor = SERVICE, once: Once | None = None
) -> SubscriberWithSecret:
    """Make a subscriber; it gets the events that are made from now on. Raises NotAcceptable, NameTaken, NotAllowed, KeyReused."""
    check_name(new.name)
    check_way(new, rules)
    event_types = check_event_types(new.event_types)
    secret = new_feed_token() if new.feed else secret_for(new.secret, asymmetric=new.asymmetric)
    values = new.model_dump(include={"name", "feed", "customer", "ordered", "max_in_flight", "timeout_ms", "rate_limit"})
    values |= {"url": new.url or "", "event_types": event_types, "feed_hash": hash_of(secret) if new.feed else None}
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return SubscriberWithSecret.model_validate_json(earlier)
        row = await insert_subscriber(session, **values, **transport_columns(vault, None, new))
        if not new.feed:
            await insert_secret(session, vault, row.id, secret)
        await write_entry(session, actor, Action.SUBSCRIBER_ADDED, f"subscriber:{new.name}", customer=new.customer)
        added = SubscriberWithSecret(**common_of(row), secret=public_key_of(secret) or secret)
        if once:
            await once.keep(session, actor, added.model_dump_json())
    return added


def check_way(new: NewSubscriber, rules: UrlRules) -> None:
    """Raise NotAcceptable unless the new subscriber either has a URL that may be called, or polls a feed and needs nothing else."""
    if new.feed:
        if new.url is not None:
            raise NotAcceptable("url", "A subscriber either has a URL or polls a feed.")
        if new.secret is not None or new.asymmetric or new.transport_fields_set:
            raise NotAcceptable("feed", "A feed needs no signing secret, headers or certificates: it is read with a token.")
    elif new.url is None:
        raise NotAcceptable("url", "A subscriber needs a URL, unless it polls a feed.")
    else:
        check_subscriber_url(new.url, rules)


async def insert_subscriber(session: AsyncSession, **values: Any) -> SubscriberRow:
    """Insert a subscriber without a secret; raises NameTaken."""
    statement = (
        insert(SubscriberRow)
        .values(id=uuid7(), state=SubscriberState.ACTIVE, **values)
        # As text, because Postgres matches a condition with a parameter in it to no partial index once it plans for any value.
        .on_conflict_do_nothing(index_elements=[SubscriberRow.name], index_where=text("state <> 'removed'"))
        .returning(SubscriberRow)
    )
    row = await session.scalar(statement)
    if row is None:
        raise NameTaken
    return row


async def list_subscribers(sessions: Sessions) -> SubscriberList:
    """All subscribers but the removed ones, by name."""
    query = select(SubscriberRow).where(SubscriberRow.state != SubscriberState.REMOVED).order_by(SubscriberRow.name)
    async with sessions() as session:
        return SubscriberList(items=[Subscriber(**common_of(row)) for row in await session.scalars(query)])


async def show_subscriber(sessions: Sessions, name: str) -> SubscriberInFull:
    """One subscriber with the dates of its valid secrets and what is owed to it. Raises SubscriberNotFound."""
    async with sessions() as session:
        row = await subscriber_row(session, name)
        secrets = await valid_secrets(session, row.id)
        return SubscriberInFull(
            **common_of(row),
            secrets=[SigningSecret(**{field: getattr(secret, field) for field in SigningSecret.model_fields}) for secret in secrets],
            pending=await count_webhooks(session, row.id, WebhookState.PENDING),
            dead=await count_webhooks(session, row.id, WebhookState.DEAD),
        )


async def change_subscriber(
    sessions: Sessions, vault: Vault, name: str, change: SubscriberChange, rules: UrlRules, actor: Actor
) -> Subscriber:
    """Change what `change` names; webhooks that are owed already go to the new URL.

    Raises SubscriberNotFound, NotAcceptable, NotAllowed.
    """
    values = {field: getattr(change, field) for field in change.model_fields_set - change.transport_fields_set}
    if change.url is not None:
        check_subscriber_url(change.url, rules)
    if "event_types" in values:
        values["event_types"] = check_event_types(change.event_types)
    values = {field: value for field, value in values.items() if value is not None or field in NULLABLE}
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        if row.feed and (change.url is not None or change.transport_fields_set):
            raise NotAcceptable("url", "The subscriber polls a feed; it has no URL, headers or certificates.")
        values |= transport_columns(vault, row, change)
        return await _apply(session, row, values, actor, Action.SUBSCRIBER_CHANGED)


async def pause_subscriber(sessions: Sessions, name: str, reason: str | None = None, actor: Actor = SERVICE) -> Subscriber:
    """Hold everything that is owed to a subscriber until it is resumed. Raises SubscriberNotFound, NotAllowed."""
    values = {"state": SubscriberState.PAUSED, "pause_reason": reason or "operator"}
    return await _change(sessions, name, values, actor, Action.SUBSCRIBER_PAUSED)


async def resume_subscriber(sessions: Sessions, name: str, actor: Actor) -> Subscriber:
    """Send again, beginning with what was held, at a limited rate until that is gone. Raises SubscriberNotFound, NotAllowed."""
    return await _change(sessions, name, RESUMED, actor, Action.SUBSCRIBER_RESUMED)


async def remove_subscriber(sessions: Sessions, name: str, actor: Actor = SERVICE) -> None:
    """Forget a subscriber's address and secrets and cancel what is owed to it; its name and history stay.

    Raises SubscriberNotFound, NotAllowed.
    """
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        await session.execute(delete(SubscriberSecretRow).where(SubscriberSecretRow.subscriber_id == row.id))
        await update_subscriber(
            session, row.id, {"state": SubscriberState.REMOVED, "url": "", "pause_reason": None, "feed_hash": None, **NO_TRANSPORT}
        )
        await cancel_pending(session, row.id)
        await write_entry(session, actor, Action.SUBSCRIBER_REMOVED, f"subscriber:{name}")


async def subscriber_row(session: AsyncSession, name: str, *, lock: bool = False) -> SubscriberRow:
    """The subscriber of this name, locked against other changes if wanted. Raises SubscriberNotFound."""
    query = select(SubscriberRow).where(SubscriberRow.name == name, SubscriberRow.state != SubscriberState.REMOVED)
    row = await session.scalar(query.with_for_update() if lock else query)
    if row is None:
        raise SubscriberNotFound
    return row


async def update_subscriber(session: AsyncSession, subscriber_id: UUID, values: dict[str, Any]) -> None:
    """Write columns of a subscriber. `updated_at` tells the workers that what they remember of it is out of date."""
    await session.execute(update(SubscriberRow).where(SubscriberRow.id == subscriber_id).values(**values, updated_at=func.now()))
    await session.execute(text(f"NOTIFY {OUTBOUND}"))


async def _change(sessions: Sessions, name: str, values: dict[str, Any], actor: Actor, action: Action) -> Subscriber:
    async with sessions.begin() as session:
        return await _apply(session, await subscriber_row(session, name, lock=True), values, actor, action)


async def _apply(session: AsyncSession, row: SubscriberRow, values: dict[str, Any], actor: Actor, action: Action) -> Subscriber:
    if values:
        await update_subscriber(session, row.id, values)
        await session.refresh(row)
    fields = sorted(values.keys() - {"sealed_transport"})
    await write_entry(session, actor, action, f"subscriber:{row.name}", fields=fields)
    return Subscriber(**common_of(row))


def common_of(row: SubscriberRow) -> dict[str, Any]:
    """The fields of a Subscriber."""
    return {field: getattr(row, field) for field in Subscriber.model_fields}
