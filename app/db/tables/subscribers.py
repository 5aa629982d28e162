"""Tables of subscribers and their signing secrets."""

from datetime import datetime
from uuid import UUID

from sqlalchemy import ForeignKey, Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base, empty_list


class SubscriberRow(Base):
    """A merchant system that receives events.

    A removed subscriber keeps its name for the history, without URL and secrets. A subscriber with
    `feed` has no URL: it polls with a token, and `feed_hash` is the SHA-256 of that token.
    `sealed_transport` holds the headers, the certificate authority and the client certificate for
    its webhooks, encrypted. `header_names`, `private_ca` and `client_certificate_expires_at` say
    which of them are set.
    """

    __tablename__ = "subscribers"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    url: Mapped[str]
    event_types: Mapped[list[str] | None]
    customer: Mapped[bool]
    # Events of test orders: `include`, `exclude` or `only`.
    test: Mapped[str] = mapped_column(server_default=text("'exclude'"))
    ordered: Mapped[bool] = mapped_column(server_default=text("true"))
    max_in_flight: Mapped[int] = mapped_column(server_default=text("16"))
    timeout_ms: Mapped[int | None]
    state: Mapped[str]
    pause_reason: Mapped[str | None]
    declared: Mapped[bool] = mapped_column(server_default=text("false"))
    # Health, written with each attempt: consecutive failures, the time of the first, and whether
    # the other subscribers received an event about them. `capped_at` is the time of the last
    # attempt that timed out, failed slowly or was one of many failures. Until a success, all capped
    # subscribers share a few send slots.
    failures: Mapped[int] = mapped_column(server_default=text("0"))
    failing_since: Mapped[datetime | None]
    failure_told: Mapped[bool] = mapped_column(server_default=text("false"))
    capped_at: Mapped[datetime | None]
    last_success_at: Mapped[datetime | None]
    # Rate limit, written with each claim: `resumed_at` is set while the backlog of a pause is sent,
    # `allowance` is the number of webhooks that were free to be sent at `allowance_at`.
    rate_limit: Mapped[int | None]
    resumed_at: Mapped[datetime | None]
    allowance: Mapped[float] = mapped_column(server_default=text("0"))
    allowance_at: Mapped[datetime | None]
    feed: Mapped[bool] = mapped_column(server_default=text("false"))
    feed_hash: Mapped[bytes | None]
    header_names: Mapped[list[str]] = empty_list()
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
    """A signing secret, encrypted. After a rotation the old one stays valid until it expires.

    `public_key` is set for an Ed25519 key.
    """

    __tablename__ = "subscriber_secrets"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    subscriber_id: Mapped[UUID] = mapped_column(
        ForeignKey(SubscriberRow.id, ondelete="CASCADE"), index=True
    )
    sealed: Mapped[bytes]
    public_key: Mapped[str | None]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    expires_at: Mapped[datetime | None]
