"""Signing secrets of subscribers: the current one, and earlier ones until they expire."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from pydantic import SecretStr
from sqlalchemy import func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.crypto.vault import Vault
from app.db.tables.subscribers import SubscriberSecretRow
from app.events.signature import new_private_key, new_secret, public_key_of
from app.operations.errors import NotAcceptable
from app.operations.subscribers.validation import check_signing_secret

DEFAULT_OVERLAP = timedelta(hours=24)
"""Default time for which an earlier secret stays valid."""


def secret_for(given: SecretStr | None, *, asymmetric: bool) -> str:
    """Return the given secret, or a new one: shared, or an Ed25519 key with `asymmetric`.

    Raise NotAcceptable if the given secret is not valid.
    """
    if given is None:
        return new_private_key() if asymmetric else new_secret()
    secret = given.get_secret_value()
    check_signing_secret(secret)
    if asymmetric and public_key_of(secret) is None:
        raise NotAcceptable("secret", "A shared secret cannot make asymmetric signatures. Omit it.")
    return secret


async def insert_secret(
    session: AsyncSession, vault: Vault, subscriber_id: UUID, secret: str
) -> None:
    """Store a secret, sealed, as the current one."""
    row = SubscriberSecretRow(
        id=uuid7(),
        subscriber_id=subscriber_id,
        sealed=vault.seal(secret),
        public_key=public_key_of(secret),
    )
    session.add(row)
    await session.flush()


async def valid_secrets(
    session: AsyncSession, subscriber_id: UUID
) -> Sequence[SubscriberSecretRow]:
    """Return the secrets that sign webhooks now, the newest first."""
    of_subscriber = SubscriberSecretRow.subscriber_id == subscriber_id
    valid = or_(
        SubscriberSecretRow.expires_at.is_(None), SubscriberSecretRow.expires_at > func.now()
    )
    query = (
        select(SubscriberSecretRow)
        .where(of_subscriber, valid)
        .order_by(SubscriberSecretRow.id.desc())
    )
    return (await session.scalars(query)).all()


async def replace_secret(
    session: AsyncSession, vault: Vault, subscriber_id: UUID, secret: str, overlap: timedelta
) -> None:
    """Make `secret` the current one. Earlier ones stay valid for `overlap` at most."""
    ends = func.now() + overlap
    later = or_(SubscriberSecretRow.expires_at.is_(None), SubscriberSecretRow.expires_at > ends)
    await session.execute(
        update(SubscriberSecretRow)
        .where(SubscriberSecretRow.subscriber_id == subscriber_id, later)
        .values(expires_at=ends)
    )
    await insert_secret(session, vault, subscriber_id, secret)
