"""Tables of operators: tokens, audit entries, stored answers, ended sessions and alert state."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Index, func, text
from sqlalchemy.orm import Mapped, mapped_column

from app.db.tables.base import Base


class OperatorTokenRow(Base):
    """A token of an operator, stored as its SHA-256.

    A token has 256 random bits, so a slow hash would add nothing.
    """

    __tablename__ = "operator_tokens"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[str]
    hash: Mapped[bytes] = mapped_column(unique=True)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_used_at: Mapped[datetime | None]
    expires_at: Mapped[datetime | None]
    revoked_at: Mapped[datetime | None]

    __table_args__ = (
        Index(
            "operator_tokens_name_key",
            "name",
            unique=True,
            postgresql_where=text("revoked_at IS NULL"),
        ),
    )


class AuditEntryRow(Base):
    """One action of an operator, or one access to personal data.

    The entry is written in the transaction of that action.
    """

    __tablename__ = "audit_entries"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    at: Mapped[datetime] = mapped_column(server_default=func.now())
    operator: Mapped[str]
    role: Mapped[str]
    via: Mapped[str]
    action: Mapped[str]
    subject: Mapped[str]
    details: Mapped[dict[str, Any]] = mapped_column(server_default=text("'{}'"))

    __table_args__ = (
        Index("audit_entries_operator_idx", "operator", "id"),
        Index("audit_entries_action_idx", "action", "id"),
        Index("audit_entries_subject_idx", "subject", "id"),
    )


class IdempotentAnswerRow(Base):
    """The answer to a request with an Idempotency-Key, sealed because it may hold a secret."""

    __tablename__ = "idempotent_answers"

    operator: Mapped[str] = mapped_column(primary_key=True)
    key: Mapped[str] = mapped_column(primary_key=True)
    request_hash: Mapped[bytes]
    sealed: Mapped[bytes]
    created_at: Mapped[datetime] = mapped_column(server_default=func.now(), index=True)


class EndedSessionRow(Base):
    """A console session that was signed out early: a copy of its cookie is no longer accepted.

    `until` is the time at which the cookie expires by itself. The row is not needed after that.
    """

    __tablename__ = "ended_sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    until: Mapped[datetime]


class AlertMemoryRow(Base):
    """Alert state of one alert URL: conditions already sent, and messages that wait.

    `told` maps the key of a condition to its state.
    """

    __tablename__ = "alert_memory"

    name: Mapped[str] = mapped_column(primary_key=True)
    told: Mapped[dict[str, Any]]
    waiting: Mapped[list[str]]
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
