"""Whether the database's encoding, rights and collations allow the service to run, for `doctor`."""

from app.db.checks.collations import find_changed_collations
from app.db.checks.database import (
    find_defects,
    find_migration_defects,
    find_missing_rights,
    open_or_explain,
)
from app.db.checks.defects import DatabaseUnfit
from app.db.connections import Connection
from app.db.grants import PROCESSES
from app.operations.doctor.findings import Finding, error, ok, warning

_SUBJECT = "rights"


async def check_fitness(url: str) -> list[Finding]:
    """Return what the database at `url` says of encoding, rights and collations.

    Raises what connecting raises, all but refusals, which are findings.
    """
    try:
        connection = await open_or_explain(url, "zeus-relay doctor")
    except DatabaseUnfit as unfit:
        return [error("database", *str(unfit).split("; ", 1))]
    try:
        defects = await find_defects(connection)
        if defects:
            return [error("database", defect.message, defect.remedy) for defect in defects]
        changed = await find_changed_collations(connection)
        return [
            *await _rights(connection),
            *(warning("collation", defect.message, defect.remedy) for defect in changed),
        ]
    finally:
        connection.terminate()


async def _rights(connection: Connection) -> list[Finding]:
    """What the user may do: everything, or what some of the processes need."""
    migrates = await find_migration_defects(connection)
    if await connection.fetchval("SELECT to_regclass('alembic_version')") is None:
        return [error(_SUBJECT, defect.message, defect.remedy) for defect in migrates]
    lacking = {process: await find_missing_rights(connection, process) for process in PROCESSES}
    able = [process for process, defects in lacking.items() if not defects]
    if not migrates and len(able) == len(lacking):
        return [ok(_SUBJECT, "the database's user may migrate and run every process")]
    if "work" in able or "operate" in able:
        return [ok(_SUBJECT, f"the database's user may {', '.join(able)}, as its grants say")]
    if able:
        message = "the database's user may only receive, so the rest was not looked at"
        return [error(_SUBJECT, message, "run `zeus-relay doctor` as the user of `operate` too")]
    return [error(_SUBJECT, defect.message, defect.remedy) for defect in lacking["operate"]]
