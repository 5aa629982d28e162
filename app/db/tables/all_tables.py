"""The tables, one class each; rows end in `Row` so that values can have the bare nouns."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import JSON, BigInteger, ForeignKey, Identity, Index, SmallInteger, func, text
from sqlalchemy.dialects.postgresql import INET
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base
from app.db.tables.jobs import RecoveryJobRow
from app.db.tables.operators import (
    AlertMemoryRow,
    AuditEntryRow,
    EndedSessionRow,
    IdempotentAnswerRow,
    OperatorTokenRow,
)

__all__ = [
    "AlertMemoryRow",
    "AnswerRow",
    "AttemptRow",
    "AuditEntryRow",
    "Base",
    "EndedSessionRow",
    "EventRow",
    "IdempotentAnswerRow",
    "NoticeRow",
    "OperatorTokenRow",
    "OrderRow",
    "OutboundWebhookRow",
    "RecoveryJobRow",
    "RejectedSampleRow",
    "SubscriberRow",
    "SubscriberSecretRow",
]


def _empty_list() -> Mapped[list[str]]:
    return mapped_column(server_default=text("'{}'"))


class NoticeRow(Base):
    """One call from Zeus, verbatim, and what became of it. The first half is written once by receiving, the second by judging."""

    __tablename__ = "notices"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger)
    received_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(INET)
    method: Mapped[str]
    target: Mapped[bytes]
    headers: Mapped[bytes]
    body: Mapped[bytes]
    cut: Mapped[bool] = mapped_column(server_default=text("false"))

    released: Mapped[bool] = mapped_column(server_default=text("false"))
    judged_at: Mapped[datetime | None]
    verdict: Mapped[str | None]
    reasons: Mapped[list[str]] = _empty_list()
    flags: Mapped[list[str]] = _empty_list()
    parameters: Mapped[dict[str, Any] | None]
    order_no: Mapped[str | None]
    status: Mapped[str | None]

    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]
    erased_at: Mapped[datetime | None]

    __table_args__ = (
        # What is left to judge, in order of arrival within a lane: empty but for the last moments, so it stays small.
        Index("notices_unjudged_idx", "lane", "id", postgresql_where=text("verdict IS NULL")),
        Index(
            "notices_order_no_idx", "order_no", "id", postgresql_where=text("order_no IS NOT NULL")
        ),
        # All verdicts but the usual one, in order of time: what is rare is found without reading past what is not.
        Index(
            "notices_verdict_idx", "verdict", "id", postgresql_where=text("verdict <> 'accepted'")
        ),
        # What a human should look at.
        Index(
            "notices_attention_idx",
            "verdict",
            "id",
            postgresql_where=text(
                "verdict IN ('quarantined', 'conflict') AND dismissed_at IS NULL"
            ),
        ),
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": "0.02"}},
    )


class RejectedSampleRow(Base):
    """A call from a source that is not allowed and looks like one of Zeus's: kept, within narrow limits, for a human to look at."""

    __tablename__ = "rejected_samples"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    lane: Mapped[int] = mapped_column(SmallInteger)
    received_at: Mapped[datetime]
    source: Mapped[str] = mapped_column(INET)
    method: Mapped[str]
    target: Mapped[bytes]
    headers: Mapped[bytes]
    body: Mapped[bytes]
    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]


class AnswerRow(Base):
    """Evidence that the answer to a notice was handed to the network in time; its absence means that nobody knows."""

    __tablename__ = "answers"

    notice_id: Mapped[UUID] = mapped_column(primary_key=True)
    answered_at: Mapped[datetime]


class OrderRow(Base):
    """What is known of one order_no: where it stands and the last values Zeus gave."""

    __tablename__ = "orders"

    order_no: Mapped[str] = mapped_column(primary_key=True)
    status: Mapped[str]
    state: Mapped[str]
    cycle: Mapped[int]
    sequence: Mapped[int]
    money: Mapped[int | None] = mapped_column(BigInteger)
    clientip: Mapped[str | None]
    pay_cvs: Mapped[str | None]
    pay_no1: Mapped[str | None]
    pay_no2: Mapped[str | None]
    pay_limit: Mapped[str | None]
    sendid: Mapped[str | None]
    sendpoint: Mapped[str | None]
    flags: Mapped[list[str]] = _empty_list()
    # The last four digits, which is all that is searched for; erased with the personal data of the order's calls.
    telno_tail: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index("orders_created_idx", "created_at", "order_no"),
        # A btree refuses keys of 2,700 bytes, and what a merchant puts into sendid may be of any length. Nobody looks for a longer one.
        Index(
            "orders_short_sendid_idx",
            "sendid",
            "created_at",
            "order_no",
            postgresql_where=text("sendid <> '' AND length(sendid) <= 255"),
        ),
        Index("orders_money_idx", "money", "created_at", "order_no"),
        Index(
            "orders_telno_tail_idx",
            "telno_tail",
            "created_at",
            "order_no",
            postgresql_where=text("telno_tail IS NOT NULL"),
        ),
        # The calls of an order update it and change none of these indexes: with room on its page no index has to be written.
        {"postgresql_with": {"fillfactor": "90"}},
    )


class EventRow(Base):
    """One statement of fact for subscribers; `data` holds nothing personal, `customer` nothing else."""

    __tablename__ = "events"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    type: Mapped[str]
    order_no: Mapped[str | None]
    status: Mapped[str | None]
    occurrence: Mapped[int | None]
    cycle: Mapped[int | None]
    sequence: Mapped[int | None]
    notice_id: Mapped[UUID | None]
    # The place in the feed, from events_position_seq; none for what is meant for one subscriber only.
    position: Mapped[int | None] = mapped_column(BigInteger)
    created_at: Mapped[datetime]
    data: Mapped[dict[str, Any]] = mapped_column(
        JSON
    )  # not JSONB, which would forget the order of the keys
    customer: Mapped[dict[str, Any] | None] = mapped_column(JSON)

    __table_args__ = (
        # The deduplication itself: whatever goes wrong above, a status of an order cannot become two events.
        Index(
            "events_occurrence_key",
            "order_no",
            "status",
            "occurrence",
            unique=True,
        ),
        Index(
            "events_sequence_key",
            "order_no",
            "sequence",
            unique=True,
        ),
        Index("events_notice_idx", "notice_id"),
        Index(
            "events_position_key",
            "position",
            unique=True,
            postgresql_where=text("position IS NOT NULL"),
        ),
    )


class SubscriberRow(Base):
    """A merchant system that wants events. A removed one stays as a name for its history, without address and secrets.

    One with `feed` is sent nothing: it has no URL and polls by a token, of which only the SHA-256 is kept. `sealed_transport` holds the
    headers, the authority and the client certificate that webhooks to the others need; the columns before it say what is in there.
    """

    __tablename__ = "subscribers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    event_types: Mapped[list[str] | None]
    customer: Mapped[bool]
    ordered: Mapped[bool] = mapped_column(server_default=text("true"))
    max_in_flight: Mapped[int] = mapped_column(server_default=text("16"))
    timeout_ms: Mapped[int | None]
    state: Mapped[str]
    pause_reason: Mapped[str | None]
    declared: Mapped[bool] = mapped_column(server_default=text("false"))
    # Health, kept by the recording of attempts: failures in a row, when they began, and whether others were told of them. `capped_at` is
    # when the last attempt failed, for one that timed out, failed slowly or failed often: until a success it shares a few slots.
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None]
    failure_told: Mapped[bool] = mapped_column(server_default=text("false"))
    capped_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    # Pace, kept by the claims: `resumed_at` is set while a backlog is let out, `allowance` is how many may go at `allowance_at`.
    rate_limit: Mapped[int | None]
    resumed_at: Mapped[datetime | None]
    allowance: Mapped[float] = mapped_column(server_default=text("0"))
    allowance_at: Mapped[datetime | None]
    feed: Mapped[bool] = mapped_column(server_default=text("false"))
    feed_hash: Mapped[bytes | None]
    header_names: Mapped[list[str]] = _empty_list()
    private_ca: Mapped[bool] = mapped_column(server_default=text("false"))
    client_certificate_expires_at: Mapped[datetime | None]
    sealed_transport: Mapped[bytes | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())

    __table_args__ = (
        Index(
            "subscribers_name_key", "name", unique=True, postgresql_where=text("state <> 'removed'")
        ),
        Index(
            "subscribers_feed_key",
            "feed_hash",
            unique=True,
            postgresql_where=text("feed_hash IS NOT NULL"),
        ),
    )


class SubscriberSecretRow(Base):
    """A signing secret, encrypted; after a rotation the old one stays valid until it expires. `public_key` is there for an Ed25519 key."""

    __tablename__ = "subscriber_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID] = mapped_column(
        ForeignKey("subscribers.id", ondelete="CASCADE"), index=True
    )
    sealed: Mapped[bytes]
    public_key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]


class OutboundWebhookRow(Base):
    """One event owed to one subscriber. The row is the job: whoever holds the lease token may change it, nobody else.

    `attempts` counts the tries that are charged to the subscriber, `excused` those that failed on our own side.
    """

    __tablename__ = "outbound_webhooks"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    event_id: Mapped[UUID]
    subscriber_id: Mapped[UUID] = mapped_column(ForeignKey("subscribers.id"))
    order_no: Mapped[str | None]
    sequence: Mapped[int | None]
    state: Mapped[str] = mapped_column(server_default=text("'pending'"))
    due_at: Mapped[datetime] = mapped_column(server_default=func.now())
    attempts: Mapped[int] = mapped_column(server_default=text("0"))
    excused: Mapped[int] = mapped_column(server_default=text("0"))
    lease_token: Mapped[UUID | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    finished_at: Mapped[datetime | None]
    last_outcome: Mapped[str | None]
    dismissed_at: Mapped[datetime | None]
    dismissal: Mapped[str | None]

    __table_args__ = (
        Index("outbound_webhooks_event_key", "event_id", "subscriber_id", unique=True),
        # What may be claimed, by subscriber, first tries (0) apart from others (1) so that a claim can look for either without reading
        # past the other. A claim moves due_at to the end of its lease: what a lost worker held comes due again.
        Index(
            "outbound_webhooks_turn_idx",
            "subscriber_id",
            text("LEAST(attempts + excused, 1)"),
            "due_at",
            "id",
            postgresql_where=text("state = 'pending'"),
        ),
        # Whether an earlier event of the same order is still owed, and who waits for one that was just settled.
        Index(
            "outbound_webhooks_order_idx",
            "subscriber_id",
            "order_no",
            "sequence",
            postgresql_where=text("state = 'pending' AND order_no IS NOT NULL"),
        ),
        Index(
            "outbound_webhooks_attention_idx",
            "state",
            "id",
            postgresql_where=text("state = 'dead' AND dismissed_at IS NULL"),
        ),
        # All states but the usual one, the oldest first.
        Index(
            "outbound_webhooks_state_idx",
            "state",
            "id",
            postgresql_where=text("state <> 'delivered'"),
        ),
        Index("outbound_webhooks_subscriber_idx", "subscriber_id", "state", "id"),
        # Every row is updated two times in its first second; what that leaves behind must not pile up in the index of due ones.
        {"postgresql_with": {"autovacuum_vacuum_scale_factor": "0.01"}},
    )


class HousekeepingMarkRow(Base):
    """How far a pass over a large table has come, so that no row is looked at twice."""

    __tablename__ = "housekeeping_marks"

    name: Mapped[str] = mapped_column(primary_key=True)
    position: Mapped[str]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())


class AttemptRow(Base):
    """One HTTP try of one outbound webhook and what came back."""

    __tablename__ = "attempts"

    id: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    outbound_webhook_id: Mapped[int] = mapped_column(BigInteger, index=True)
    number: Mapped[int]
    started_at: Mapped[datetime]
    duration_ms: Mapped[int]
    outcome: Mapped[str]
    http_status: Mapped[int | None]
    excerpt: Mapped[str | None]
