"""Keeping of the keys of references while a process runs."""

import asyncio

from sqlalchemy.exc import SQLAlchemyError

from app.applications.reference_keys import StoredReferenceKeys
from app.crypto.vault import Vault
from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.operations.access.generated_keys import secret_keys_of
from app.settings import Settings

_RETRY_SECONDS = 5.0

log = get_logger("main")


async def keep_reference_keys(settings: Settings, sessions: Sessions, vault: Vault) -> None:
    """Keep the keys that belong to RELAY_SECRET_KEYS, for calls that come when those are gone.

    No process waits for this at its start: while the database is away, it is tried again.
    """
    while True:
        try:
            await StoredReferenceKeys.load(sessions, vault, secret_keys_of(settings))
        except (SQLAlchemyError, *CONNECT_ERRORS) as error:
            log.warning("reference_keys_not_kept", error=describe_error(error))
            await asyncio.sleep(_RETRY_SECONDS)
        else:
            return
