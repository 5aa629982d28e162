"""Idempotency keys: a repeated request with the same key gets the kept answer for 24 hours."""

from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import delete, func, select, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now
from app.crypto.vault import KeyMissing, Vault
from app.db.tables.operators import IdempotentAnswerRow
from app.operations.access.permissions import Actor
from app.operations.errors import KeyReused

KEPT = timedelta(hours=24)
"""Time for which an answer is kept."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7236405903))")


@dataclass(frozen=True, slots=True)
class Once:
    """Request that must be executed once: its key, a hash of it, the vault that seals the answer.

    Each operator has own keys: two operators may use the same one.
    """

    key: str
    request_hash: bytes
    vault: Vault

    async def earlier(self, session: AsyncSession, actor: Actor) -> str | None:
        """Return the answer to the same earlier request, or None. Wait while that one is running.

        Raise KeyReused if the key belongs to another request, or if no key of the vault opens the
        answer any more.
        """
        await session.execute(_LOCK, {"name": f"{actor.name}\n{self.key}"})
        await session.execute(
            delete(IdempotentAnswerRow).where(
                IdempotentAnswerRow.created_at < func.least(func.now(), now()) - KEPT
            )
        )
        row = await session.scalar(
            select(IdempotentAnswerRow).where(
                IdempotentAnswerRow.operator == actor.name, IdempotentAnswerRow.key == self.key
            )
        )
        if row is None:
            return None
        if row.request_hash != self.request_hash:
            raise KeyReused
        try:
            return self.vault.open(row.sealed)
        except KeyMissing:
            raise KeyReused from None

    async def keep(self, session: AsyncSession, actor: Actor, answer: str) -> None:
        """Keep the answer, in the transaction that executed the request."""
        row = IdempotentAnswerRow(
            operator=actor.name,
            key=self.key,
            request_hash=self.request_hash,
            sealed=self.vault.seal(answer),
        )
        session.add(row)
        await session.flush()
