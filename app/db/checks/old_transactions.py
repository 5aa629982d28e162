"""Old transactions and replication slots: what keeps dead rows and write-ahead log in the database."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

OLD_SECONDS = 1_800.0
"""Age from which a transaction counts as old: a dump or a report of a large database takes minutes."""
OLD_TRANSACTIONS = 1_000_000
"""How many transactions a replica's oldest query may lie behind where its age in seconds is unknown."""
MOST_WAL_BYTES = 10 * 1024**3
"""How much write-ahead log a replication slot may keep before somebody is told."""


class Holder(StrEnum):
    """Who keeps dead rows."""

    SESSION = "session"
    PREPARED = "prepared"
    REPLICA = "replica"


# VACUUM does not keep rows from itself. A session of another role shows no times, but its horizon.
_HORIZONS = text("""
SELECT 'session' AS holder, 'pid ' || pid AS name,
  CAST(extract(epoch FROM clock_timestamp() - xact_start) AS float8) AS seconds,
  age(coalesce(backend_xmin, backend_xid)) AS transactions,
  CAST(coalesce(backend_xmin, backend_xid) AS text) AS horizon
FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid() AND coalesce(backend_xmin, backend_xid) IS NOT NULL
  AND coalesce(backend_type, '') NOT IN ('autovacuum worker', 'walsender')
UNION ALL
SELECT 'prepared', gid, CAST(extract(epoch FROM clock_timestamp() - prepared) AS float8), age(transaction), CAST(transaction AS text)
FROM pg_prepared_xacts WHERE database = current_database()
UNION ALL
SELECT 'replica', application_name, NULL, age(backend_xmin), CAST(backend_xmin AS text)
FROM pg_stat_replication WHERE backend_xmin IS NOT NULL
UNION ALL
SELECT 'replica', slot_name, NULL, age(xmin), CAST(xmin AS text)
FROM pg_replication_slots WHERE xmin IS NOT NULL
""")

_SLOTS = text("""
SELECT slot_name AS name, active, CAST(coalesce(pg_wal_lsn_diff(pg_current_wal_lsn(), restart_lsn), 0) AS float8) AS wal_bytes
FROM pg_replication_slots WHERE NOT temporary ORDER BY slot_name
""")


@dataclass(frozen=True, slots=True)
class Horizon:
    """One reason why dead rows are kept: who, for how many seconds (None if unknown) and transactions.

    `horizon` is the id of the oldest transaction that may still be seen.
    """

    holder: str
    name: str
    seconds: float | None
    transactions: int
    horizon: str


@dataclass(frozen=True, slots=True)
class Slot:
    """One replication slot, and how much write-ahead log it keeps, in bytes."""

    name: str
    active: bool
    wal_bytes: float


async def read_horizons(session: AsyncSession) -> list[Horizon]:
    """Return who keeps dead rows in this database now."""
    return [Horizon(**row) for row in (await session.execute(_HORIZONS)).mappings()]


async def read_slots(session: AsyncSession) -> list[Slot]:
    """Return the replication slots of the server."""
    return [Slot(**row) for row in (await session.execute(_SLOTS)).mappings()]


class OldestTransactions:
    """Measures the oldest transaction of each kind of holder.

    A replica tells no times: its age is how long its horizon has not moved since it was first seen.
    """

    def __init__(self) -> None:
        """Begin without a memory of horizons."""
        self._seen: dict[tuple[str, str, str], float] = {}

    async def read(self, session: AsyncSession) -> Mapping[str, float]:
        """Return the greatest age by holder, in seconds; 0 where nobody keeps anything."""
        return self.measure(await read_horizons(session), monotonic())

    def measure(self, horizons: Sequence[Horizon], moment: float) -> Mapping[str, float]:
        """Return the same for `horizons`, as seen at `moment` of the monotonic clock."""
        keys = {(one.holder, one.name, one.horizon): one for one in horizons}
        self._seen = {key: self._seen.get(key, moment) for key in keys}
        oldest = dict.fromkeys(map(str, Holder), 0.0)
        for key, one in keys.items():
            seconds = one.seconds if one.seconds is not None else moment - self._seen[key]
            oldest[one.holder] = max(oldest[one.holder], seconds)
        return oldest
