"""Application of RELAY_SUBSCRIBERS at the start of a process.

A module of its own, since three roles call it.
"""

from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.settings import Settings


async def declare_subscribers(settings: Settings, url: str, vault: Vault) -> None:
    """Make the subscribers equal to their declarations. Without any, nothing is connected."""
    if not settings.subscribers:
        return
    # A worker without any saves their memory.
    from app.operations.subscribers.declared import apply_declared
    from app.operations.subscribers.validation import UrlRules

    engine = make_engine(url, pool_size=1, application="zeus-relay start")
    try:
        await apply_declared(
            make_sessions(engine), vault, settings.subscribers, UrlRules.of(settings)
        )
    finally:
        await engine.dispose()
