"""Collation versions: changes in the sort order of text.

After an upgrade of the system's libraries, older indexes on text may miss rows.
"""

from app.db.checks.defects import Defect, quoted
from app.db.connections import Connection
from app.logs import get_logger

_OLDEST = 15
"""First version of Postgres that stores the collation version of a database."""

# In every index, 100 is the OID of the database's default collation.
_CHANGED = """
SELECT NULL AS collation, datname::text AS database, datcollversion AS was,
  pg_database_collation_actual_version(oid) AS now, 100::oid AS used
FROM pg_database WHERE datname = current_database()
  AND datcollversion <> pg_database_collation_actual_version(oid)
UNION ALL
SELECT oid::regcollation::text, current_database()::text, collversion,
  pg_collation_actual_version(oid), oid
FROM pg_collation WHERE collversion <> pg_collation_actual_version(oid)
"""
_INDEXES = """
SELECT count(*) FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE $1 = ANY (indcollation) AND relnamespace <> 'pg_catalog'::regnamespace
"""

log = get_logger("database")


async def find_changed_collations(connection: Connection) -> list[Defect]:
    """Return a defect for each used collation whose order may have changed under its indexes."""
    if connection.get_server_version().major < _OLDEST:
        return []
    defects = []
    for row in await connection.fetch(_CHANGED):
        indexes = await connection.fetchval(_INDEXES, row["used"])
        name, database = row["collation"], quoted(row["database"])
        if name is not None and not indexes:
            continue
        refresh = (
            f"ALTER COLLATION {name} REFRESH VERSION"
            if name
            else f"ALTER DATABASE {database} REFRESH COLLATION VERSION"
        )
        what = f"collation {name}" if name else f"the collation of database {database}"
        changed = f"{what} was version {row['was']} and is {row['now']}"
        if indexes:
            remedy = f"run `REINDEX DATABASE CONCURRENTLY {database}`, then `{refresh}`"
            defects.append(Defect(f"{changed}: {indexes} indexes on text may miss rows", remedy))
        else:
            defects.append(Defect(f"{changed}; no index depends on it", f"run `{refresh}`"))
    return defects


async def log_changed_collations(connection: Connection) -> None:
    """Log each defect of `find_changed_collations`."""
    for defect in await find_changed_collations(connection):
        log.warning("collation_changed", found=defect.message, remedy=defect.remedy)
