"""Rotating a subscriber's signing secret, with a time in which webhooks carry signatures of both."""

from datetime import timedelta
from typing import Annotated

from pydantic import ConfigDict, Field, SecretStr

from app.db.engine import Sessions
from app.events.signature import new_secret
from app.forwarding.secrets import Vault
from app.operating.access import Action, Actor
from app.operating.audit import write_entry
from app.operating.checks import check_signing_secret
from app.operating.refusals import TooManySecrets
from app.operating.secrets import DEFAULT_OVERLAP, replace_secret, valid_secrets
from app.operating.subscribers import SubscriberWithSecret, common_of, subscriber_row, update_subscriber
from app.operating.values import Value

LONGEST_OVERLAP = timedelta(days=7)
MOST_SECRETS = 5
"""How many secrets may be valid at once: every webhook carries a signature for each."""

_HOUR = timedelta(hours=1)


class Rotation(Value):
    """How to rotate a signing secret."""

    model_config = ConfigDict(extra="forbid")

    overlap_hours: Annotated[float, Field(ge=0, le=LONGEST_OVERLAP / _HOUR, allow_inf_nan=False)] = DEFAULT_OVERLAP / _HOUR
    """How long webhooks are signed with the earlier secret as well; 0 ends it at once, as after a leak."""
    secret: SecretStr | None = None
    """A signing secret of your own: `whsec_` and 24 to 64 bytes in base64. Left out: one is made."""


async def rotate_secret(sessions: Sessions, vault: Vault, name: str, rotation: Rotation, actor: Actor) -> SubscriberWithSecret:
    """Give a subscriber a new signing secret and show it this once.

    Raises SubscriberNotFound, NotAcceptable, TooManySecrets, NotAllowed.
    """
    secret = rotation.secret.get_secret_value() if rotation.secret else new_secret()
    check_signing_secret(secret)
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        await replace_secret(session, vault, row.id, secret, rotation.overlap_hours * _HOUR)
        valid = len(await valid_secrets(session, row.id))
        if valid > MOST_SECRETS:
            raise TooManySecrets(valid - 1)
        await update_subscriber(session, row.id, {})
        await write_entry(session, actor, Action.SECRET_ROTATED, f"subscriber:{name}", overlap_hours=rotation.overlap_hours)
        await session.refresh(row)
        return SubscriberWithSecret(**common_of(row), secret=secret)
