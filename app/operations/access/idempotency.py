"""Requests that may be sent again: under the same Idempotency-Key the same request is done once and answered alike for a day."""

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
"""How long an answer is kept."""

_LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended(:name, 7236405903))")


@dataclass(frozen=True, slots=True)
class Once:
    """A request that must be done once: its key, a hash of all that it asks, and the vault that seals the answer.

    Keys of different operators have nothing to do with each other.
    """

    key: str
    request_hash: bytes
    vault: Vault

    async def earlier(self, session: AsyncSession, actor: Actor) -> str | None:
        """The answer that the same request got; None if it is new. A second one waits until the first has been done.

        Raises KeyReused if the key was used for another request, or if no key of the vault opens the answer any more.
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
        """Keep the answer in the transaction that did what was asked."""
        row = IdempotentAnswerRow(
            operator=actor.name,
            key=self.key,
            request_hash=self.request_hash,
            sealed=self.vault.seal(answer),
        )
        session.add(row)
        await session.flush()
