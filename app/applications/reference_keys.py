"""Kept keys of references: sealed in the database, so that old slips are still known when a key of
RELAY_SECRET_KEYS is gone.
"""

import base64
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Self

from sqlalchemy import CursorResult, DateTime, bindparam, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.crypto.reference import ReferenceKeys, derived_key, fingerprint
from app.crypto.vault import KeyMissing, Vault
from app.db.driver.direct import Statements
from app.db.engine import Sessions

KNOWN_FOR = timedelta(days=120)
"""Time for which a key is accepted after a newer one began to sign.

A slip can be paid for 59 days, and its calls come later still.
"""

_KEEP = text("""
INSERT INTO reference_keys AS kept (fingerprint, sealed, retired_at)
VALUES (:fingerprint, :sealed, CASE WHEN :signs THEN NULL ELSE now() END)
ON CONFLICT (fingerprint) DO UPDATE SET retired_at = excluded.retired_at
WHERE (kept.retired_at IS NULL) <> (excluded.retired_at IS NULL)
""")
_RETIRE = text("""
UPDATE reference_keys SET retired_at = now() WHERE retired_at IS NULL AND fingerprint <> :signs
""")
_READ = text("""
SELECT sealed FROM reference_keys
WHERE retired_at IS NULL OR retired_at > now() - CAST(:known_for AS interval) ORDER BY created_at
""")
_PRUNE = text("""
DELETE FROM reference_keys WHERE retired_at < coalesce(:at, now()) - CAST(:known_for AS interval)
""").bindparams(bindparam("at", type_=DateTime(timezone=True)))


class StoredReferenceKeys(ReferenceKeys):
    """Keys of references: those of RELAY_SECRET_KEYS, and those that the database keeps.

    The first key of RELAY_SECRET_KEYS signs.
    """

    def __init__(self, vault: Vault, secret_keys: Sequence[str]) -> None:
        """Use `secret_keys`, the newest first. Nothing is read yet."""
        self._own = tuple(map(derived_key, secret_keys))
        self._vault = vault
        super().__init__(self._own)

    @classmethod
    async def load(cls, sessions: Sessions, vault: Vault, secret_keys: Sequence[str]) -> Self:
        """Return all keys. Those of `secret_keys` are kept first."""
        keys = cls(vault, secret_keys)
        async with sessions.begin() as session:
            await keys.keep(session)
            await keys.read(session)
        return keys

    async def keep(self, session: AsyncSession) -> None:
        """Keep the own keys sealed, and note which of all kept ones signs. Never commit."""
        signing = fingerprint(self._own[0])
        for key in sorted(self._own, key=fingerprint):
            values = {
                "fingerprint": fingerprint(key),
                "sealed": self._vault.seal(base64.b64encode(key).decode()),
                "signs": fingerprint(key) == signing,
            }
            await session.execute(_KEEP, values)
        await session.execute(_RETIRE, {"signs": signing})

    async def read(self, session: Statements) -> None:
        """Learn the keys that are kept. Those that no key of the vault opens stay unknown."""
        found = dict.fromkeys(self._own)
        for sealed in (await session.execute(_READ, {"known_for": KNOWN_FOR})).scalars():
            try:
                found[base64.b64decode(self._vault.open(sealed))] = None
            except KeyMissing:
                continue
        self._keys = tuple(found)


async def prune_reference_keys(sessions: Sessions, at: datetime | None = None) -> int:
    """Delete the keys that are accepted no longer, and return their number.

    The time counts back from `at`; None: from the database's clock.
    """
    async with sessions.begin() as session:
        result = await session.execute(_PRUNE, {"at": at, "known_for": KNOWN_FOR})
        assert isinstance(result, CursorResult)  # noqa: S101 - for the type checker
        return result.rowcount
