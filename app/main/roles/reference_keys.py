"""Keeping of the keys of references at the start of a process."""

from app.applications.reference_keys import StoredReferenceKeys
from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.operations.access.generated_keys import secret_keys_of
from app.settings import Settings


async def keep_reference_keys(settings: Settings, url: str, vault: Vault) -> None:
    """Keep the keys that belong to RELAY_SECRET_KEYS, for calls that come when those are gone."""
    engine = make_engine(url, pool_size=1, application="zeus-relay start")
    try:
        await StoredReferenceKeys.load(make_sessions(engine), vault, secret_keys_of(settings))
    finally:
        await engine.dispose()
