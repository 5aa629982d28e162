"""Old transactions and replication slots, which keep dead rows and write-ahead log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

OLD_SECONDS = 1_800.0
"""Age from which a transaction is old: a dump or report of a large database takes minutes."""
OLD_TRANSACTIONS = 1_000_000
"""Lag in transactions from which a replica's query counts as old; its seconds are unknown."""
MOST_WAL_BYTES = 10 * 1024**3
"""Write-ahead log of a replication slot, in bytes, from which an alert is sent."""


class Holder(StrEnum):
    """Kind of holder that keeps dead rows."""

    SESSION = "session"
    PREPARED = "prepared"
    REPLICA = "replica"


# VACUUM itself keeps no rows. A session of another role hides its times, but not its horizon.
_HORIZONS = text("""
SELECT 'session' AS holder, 'pid ' || pid AS name,
  CAST(extract(epoch FROM clock_timestamp() - xact_start) AS float8) AS seconds,
  age(coalesce(backend_xmin, backend_xid)) AS transactions,
  CAST(coalesce(backend_xmin, backend_xid) AS text) AS horizon
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
  AND coalesce(backend_xmin, backend_xid) IS NOT NULL
  AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'walsender')
UNION ALL
SELECT 'prepared', gid, CAST(extract(epoch FROM clock_timestamp() - prepared) AS float8),
  age(transaction), CAST(transaction AS text)
FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'replica', application_name, NULL, age(backend_xmin), CAST(backend_xmin AS text)
FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
UNION ALL
SELECT 'replica', slot_name, NULL, age(xmin), CAST(xmin AS text)
FROM pg_replication_slots WHERE xmin IS NOT NULL
""")

_SLOTS = text("""
SELECT slot_name AS name, active,
  CAST(coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0) AS float8) AS wal_bytes
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name
""")


@dataclass(frozen=True, slots=True)
class Horizon:
    """One holder of dead rows, with its age in seconds (None if unknown) and in transactions.

    `horizon` is the id of the oldest transaction that it may still see.
    """

    holder: str
    name: str
    seconds: float | None
    transactions: int
    horizon: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One replication slot and the write-ahead log that it keeps, in bytes."""

    name: str
    active: bool
    wal_bytes: float


async def read_horizons(session: AsyncSession) -> list[Horizon]:
    """Return the current holders of dead rows in this database."""
    return [Horizon(**row) for row in (await session.execute(_HORIZONS)).mappings()]


async def read_slots(session: AsyncSession) -> list[Slot]:
    """Return the replication slots of the server."""
    return [Slot(**row) for row in (await session.execute(_SLOTS)).mappings()]


class OldestTransactions:
    """Measures the oldest transaction of each kind of holder.

    A replica reports no times. Its age is the time since its horizon was first seen unchanged.
    """

    def __init__(self) -> None:
        """Start without known horizons."""
        self._seen: dict[tuple[str, str, str], float] = {}

    async def read(self, session: AsyncSession) -> Mapping[str, float]:
        """Return the greatest age by kind of holder, in seconds; 0 without a holder."""
        return self.measure(await read_horizons(session), monotonic())

    def measure(self, horizons: Sequence[Horizon], moment: float) -> Mapping[str, float]:
        """Return the ages for `horizons`, seen at `moment` of the monotonic clock."""
        keys = {(one.holder, one.name, one.horizon): one for one in horizons}
        self._seen = {key: self._seen.get(key, moment) for key in keys}
        oldest = dict.fromkeys(map(str, Holder), 0.0)
        for key, one in keys.items():
            seconds = one.seconds if one.seconds is not None else moment - self._seen[key]
            oldest[one.holder] = max(oldest[one.holder], seconds)
        return oldest
