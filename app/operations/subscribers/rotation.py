"""Rotation of signing secrets, with an overlap in which webhooks carry signatures of both."""

from datetime import timedelta
from typing import Annotated
from uuid import UUID

from pydantic import ConfigDict, Field, SecretStr
from sqlalchemy.ext.asyncio import AsyncSession

from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.events.signature import public_key_of
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NotAcceptable, TooManySecrets
from app.operations.models import Value
from app.operations.subscribers.feed_tokens import hash_of, new_feed_token
from app.operations.subscribers.models import SubscriberWithSecret
from app.operations.subscribers.rows import common_of, subscriber_row, update_subscriber
from app.operations.subscribers.secrets import (
    DEFAULT_OVERLAP,
    replace_secret,
    secret_for,
    valid_secrets,
)

LONGEST_OVERLAP = timedelta(days=7)
MOST_SECRETS = 5
"""Limit of valid secrets per subscriber: every webhook carries a signature for each."""

_HOUR = timedelta(hours=1)


class Rotation(Value):
    """Options of a rotation."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[
        float, Field(ge=0, le=LONGEST_OVERLAP / _HOUR, allow_inf_nan=False)
    ] = DEFAULT_OVERLAP / _HOUR
    """Time in which the earlier secret also signs webhooks; 0 ends it now, e.g. after a leak."""
    secret: SecretStr | None = None
    """Own signing secret: `whsec_` and 24 to 64 bytes in base64. Missing: the relay makes one."""
    asymmetric: bool = False
    """True for an Ed25519 key. The subscriber gets the public key."""


async def rotate_secret(
    sessions: Sessions, vault: Vault, name: str, rotation: Rotation, actor: Actor
) -> SubscriberWithSecret:
    """Give a subscriber a new signing secret, or a new feed token if it polls, and return it.

    For an Ed25519 key, return the public key. Raise SubscriberNotFound, NotAcceptable,
    TooManySecrets or NotAllowed.
    """
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        secret = await (_replace_token if row.feed else _replace_secret)(
            session, vault, row.id, rotation
        )
        await write_entry(
            session,
            actor,
            Action.SECRET_ROTATED,
            f"subscriber:{name}",
            overlap_hours=0 if row.feed else rotation.overlap_hours,
        )
        await session.refresh(row)
        return SubscriberWithSecret(**common_of(row), secret=secret)


async def _replace_secret(
    session: AsyncSession, vault: Vault, subscriber_id: UUID, rotation: Rotation
) -> str:
    secret = secret_for(rotation.secret, asymmetric=rotation.asymmetric)
    await replace_secret(session, vault, subscriber_id, secret, rotation.overlap_hours * _HOUR)
    valid = len(await valid_secrets(session, subscriber_id))
    if valid > MOST_SECRETS:
        raise TooManySecrets(valid - 1)
    await update_subscriber(session, subscriber_id, {})
    return public_key_of(secret) or secret


async def _replace_token(
    session: AsyncSession, _vault: Vault, subscriber_id: UUID, rotation: Rotation
) -> str:
    """Replace the feed token. The earlier one ends immediately.

    There is no overlap: the reader continues from its cursor with the new token and misses nothing.
    """
    if rotation.secret is not None or rotation.asymmetric:
        raise NotAcceptable("secret", "The relay makes the token of a feed. Omit the secret.")
    token = new_feed_token()
    await update_subscriber(session, subscriber_id, {"feed_hash": hash_of(token)})
    return token
