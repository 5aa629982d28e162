"""Database checks: encoding, schema and rights, each defect with the statement that fixes it."""

import asyncpg

from app.db.checks.collations import log_changed_collations
from app.db.checks.defects import DatabaseUnfit, Defect, quoted
from app.db.connections import CONNECT_ERRORS, Connection, connect, describe_error
from app.db.grants import Process, missing_grants
from app.db.sqlstates import (
    INSUFFICIENT_PRIVILEGE,
    INVALID_AUTHORIZATION_CLASS,
    NO_SUCH_DATABASE,
    sqlstate_of,
)
from app.logs import get_logger

log = get_logger("database")


_FACTS = """
SELECT current_user::text AS role, current_database()::text AS database,
  current_schema()::text AS schema, current_setting('search_path') AS path,
  current_setting('server_encoding') AS encoding,
  current_setting('transaction_read_only') = 'on' AS read_only, pg_is_in_recovery() AS standby,
  coalesce(has_schema_privilege(current_schema(), 'CREATE'), false) AS may_create,
  owner.rolname::text AS owner, coalesce(pg_has_role(owner.oid, 'MEMBER'), true) AS owns
FROM (VALUES (to_regclass('alembic_version'))) AS version (oid)
LEFT JOIN pg_class ON pg_class.oid = version.oid LEFT JOIN pg_roles AS owner ON owner.oid = relowner
"""


async def find_defects(connection: Connection) -> list[Defect]:
    """Return defects of encoding, schema and write access, which stop every process."""
    (found,) = await connection.fetch(_FACTS)
    checks = (_encoding(found), _writing(found), _schema(found))
    return [defect for defect in checks if defect is not None]


async def find_migration_defects(connection: Connection) -> list[Defect]:
    """Return defects that stop a migration from making or changing tables."""
    (found,) = await connection.fetch(_FACTS)
    role, schema = quoted(found["role"]), found["schema"]
    if schema is not None and not found["may_create"]:
        grant = f"GRANT CREATE ON SCHEMA {quoted(schema)} TO {role}"
        own = f"CREATE SCHEMA AUTHORIZATION {role}"
        return [
            Defect(
                f"user {role} may not create tables in schema {quoted(schema)}",
                f"as owner of the database run `{grant}`, or `{own}` for a schema of its own",
            )
        ]
    if not found["owns"]:
        owner = quoted(found["owner"])
        remedy = f"run `zeus-relay migrate` as {owner}, or as a superuser `GRANT {owner} TO {role}`"
        return [Defect(f"the tables belong to {owner}, so {role} may not change them", remedy)]
    return []


async def demand_usable(url: str, process: Process) -> None:
    """Raise DatabaseUnfit if `process` cannot work on the database at `url`.

    An unreachable database is no reason, since it may come back. Logs changed collations.
    """
    try:
        await check_now(url, process)
    except CONNECT_ERRORS as error:
        log.warning("database_not_checked", error=describe_error(error))


async def check_now(url: str, process: Process) -> None:
    """Check like `demand_usable`; raise one of CONNECT_ERRORS for an unreachable database."""
    connection = await open_or_explain(url, f"zeus-relay {process} check")
    try:
        defects = [*await find_defects(connection), *await find_missing_rights(connection, process)]
        await log_changed_collations(connection)
    finally:
        connection.terminate()
    if defects:
        raise DatabaseUnfit("\n".join(map(str, defects)))


async def open_or_explain(url: str, application: str) -> Connection:
    """Return a connection.

    Raises DatabaseUnfit for a lasting rejection, else one of CONNECT_ERRORS.
    """
    try:
        return await connect(url, application=application)
    except asyncpg.PostgresError as error:
        defect = rejected_connection(error)
        if defect is None:
            raise
        raise DatabaseUnfit(str(defect)) from None


async def find_missing_rights(connection: Connection, process: Process) -> list[Defect]:
    """Return one defect if the user lacks rights that `process` needs on existing tables."""
    missing = await missing_grants(connection, process)
    if not missing:
        return []
    role = quoted(await connection.fetchval("SELECT current_user::text"))
    remedy = (
        f"as owner of the tables run `zeus-relay migrate --grant {process}=ROLE`, or "
        + "; ".join(
            f"`GRANT {', '.join(rights)} ON {table} TO {role}`" for table, rights in missing.items()
        )
    )
    return [Defect(f"user {role} lacks rights that `zeus-relay {process}` needs", remedy)]


def rejected_connection(error: asyncpg.PostgresError) -> Defect | None:
    """Return the defect behind a rejected connection, or None if a retry can succeed."""
    code = sqlstate_of(error)
    if code == INSUFFICIENT_PRIVILEGE:
        return Defect(describe_error(error), "run `GRANT CONNECT ON DATABASE … TO …` as its owner")
    if code == NO_SUCH_DATABASE:
        return Defect(describe_error(error), "create it with `CREATE DATABASE … ENCODING 'UTF8'`")
    if code.startswith(INVALID_AUTHORIZATION_CLASS):
        return Defect(describe_error(error), "check user and password in RELAY_DATABASE_URL")
    return None


def _encoding(found: asyncpg.Record) -> Defect | None:
    encoding = found["encoding"]
    if encoding == "UTF8":
        return None
    name = quoted(f"{found['database']}_utf8")
    return Defect(
        f"the database's encoding is {encoding}, which lacks characters that calls contain",
        f"run `CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8' LOCALE 'C'` "
        "and name it in RELAY_DATABASE_URL",
    )


def _writing(found: asyncpg.Record) -> Defect | None:
    if found["standby"]:
        return Defect(
            "the database is a standby and accepts no writes",
            "name the primary in RELAY_DATABASE_URL",
        )
    if not found["read_only"]:
        return None
    role, database = quoted(found["role"]), quoted(found["database"])
    statement = f"ALTER ROLE {role} IN DATABASE {database} SET default_transaction_read_only = off"
    return Defect(f"user {role} may only read", f"as a superuser run `{statement}`")


def _schema(found: asyncpg.Record) -> Defect | None:
    if found["schema"] is not None:
        return None
    first = found["path"].split(",")[0].strip().strip('"')
    role = quoted(found["role"])
    schema = role if first in ("", "$user") else quoted(first)
    statement = f"CREATE SCHEMA {schema} AUTHORIZATION {role}"
    return Defect(
        f"user {role} may use no schema of search_path ({found['path']})",
        f"as owner of the database run `{statement}`",
    )
