"""Doctor check of the database: encoding, rights and collations."""

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
    """Return findings about encoding, rights and collations of the database at `url`.

    Raise errors of the connection, except rejections by the server, which are findings.
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
    """Return findings about the user's rights: for every process, or only for some."""
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
        message = "the database's user may only receive, so the rest was not checked"
        return [error(_SUBJECT, message, "run `zeus-relay doctor` as the user of `operate` too")]
    return [error(_SUBJECT, defect.message, defect.remedy) for defect in lacking["operate"]]
