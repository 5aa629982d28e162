"""Rotating a subscriber's signing secret, with a time in which webhooks carry signatures of both."""

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
"""How many secrets may be valid at once: every webhook carries a signature for each."""

_HOUR = timedelta(hours=1)


class Rotation(Value):
    """How to rotate a signing secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[
        float, Field(ge=0, le=LONGEST_OVERLAP / _HOUR, allow_inf_nan=False)
    ] = DEFAULT_OVERLAP / _HOUR
    """How long webhooks are signed with the earlier secret as well; 0 ends it at once, as after a leak."""
    secret: SecretStr | None = None
    """A signing secret of your own: `whsec_` and 24 to 64 bytes in base64. Left out: one is made."""
    asymmetric: bool = False
    """Whether the new one is an Ed25519 key, of which the subscriber gets the public half."""


async def rotate_secret(
    sessions: Sessions, vault: Vault, name: str, rotation: Rotation, actor: Actor
) -> SubscriberWithSecret:
    """Give a subscriber a new signing secret and show it this once, or its public half; to one that polls, a new token.

    Raises SubscriberNotFound, NotAcceptable, TooManySecrets, NotAllowed.
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
    """The earlier token ends at once: whoever polls reads on with the new one from where it was, so that nothing is missed."""
    if rotation.secret is not None or rotation.asymmetric:
        raise NotAcceptable("secret", "A feed is read with a token that is made here.")
    token = new_feed_token()
    await update_subscriber(session, subscriber_id, {"feed_hash": hash_of(token)})
    return token
