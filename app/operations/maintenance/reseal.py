"""Re-encryption of all sealed values with the first key of RELAY_SECRET_KEYS.

Older keys can then be removed.
"""

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from app.crypto.vault import KeyMissing, Vault
from app.db.engine import Sessions
from app.db.tables.applications import ReferenceKeyRow
from app.db.tables.operators import IdempotentAnswerRow
from app.db.tables.subscribers import SubscriberRow, SubscriberSecretRow
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.models import Value


class Resealed(Value):
    """Numbers of values that were sealed again."""

    secrets: int
    """Signing secrets, expired ones included."""
    transports: int
    """Subscribers whose headers and certificates were sealed again."""
    answers: int
    """Answers kept for an Idempotency-Key."""
    reference_keys: int
    """Keys of the references in applications."""
    unopened: list[str]
    """Subscribers with a value that no key opens. Such values stay unchanged."""


async def reseal(sessions: Sessions, vault: Vault, actor: Actor) -> Resealed:
    """Seal every value with the first key, in one transaction. Raise NotAllowed.

    Running processes must have that key already.
    """
    async with sessions.begin() as session:
        names = {
            row.id: row.name
            for row in await session.execute(select(SubscriberRow.id, SubscriberRow.name))
        }
        secrets, unopened = 0, set()
        for secret in await session.scalars(
            select(SubscriberSecretRow).order_by(SubscriberSecretRow.id).with_for_update()
        ):
            try:
                secret.sealed = vault.reseal(secret.sealed)
            except KeyMissing:
                unopened.add(names[secret.subscriber_id])
            else:
                secrets += 1
        connections = await _reseal_connections(session, vault, unopened)
        answers = await _reseal_answers(session, vault)
        reference_keys = await _reseal_reference_keys(session, vault)
        await write_entry(
            session,
            actor,
            Action.SECRETS_RESEALED,
            "secrets",
            secrets=secrets,
            transports=connections,
        )
    return Resealed(
        secrets=secrets,
        transports=connections,
        answers=answers,
        reference_keys=reference_keys,
        unopened=sorted(unopened),
    )


async def _reseal_connections(session: AsyncSession, vault: Vault, unopened: set[str]) -> int:
    query = (
        select(SubscriberRow)
        .where(SubscriberRow.sealed_transport.is_not(None))
        .order_by(SubscriberRow.id)
        .with_for_update()
    )
    done = 0
    for row in await session.scalars(query):
        try:
            row.sealed_transport = vault.reseal(row.sealed_transport or b"")
        except KeyMissing:
            unopened.add(row.name)
        else:
            done += 1
    return done


async def _reseal_answers(session: AsyncSession, vault: Vault) -> int:
    """Seal the kept answers again. Skip those that no key opens: they expire within a day."""
    done = 0
    for row in await session.scalars(select(IdempotentAnswerRow).with_for_update()):
        try:
            row.sealed = vault.reseal(row.sealed)
        except KeyMissing:
            continue
        done += 1
    return done


async def _reseal_reference_keys(session: AsyncSession, vault: Vault) -> int:
    """Seal the kept keys of references again. Skip those that no key opens: nobody can use them."""
    query = select(ReferenceKeyRow).order_by(ReferenceKeyRow.fingerprint).with_for_update()
    done = 0
    for row in await session.scalars(query):
        try:
            row.sealed = vault.reseal(row.sealed)
        except KeyMissing:
            continue
        done += 1
    return done
