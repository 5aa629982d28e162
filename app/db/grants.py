"""Database rights of each process on each table, and the statements that grant them."""

from collections.abc import Mapping
from typing import Literal, get_args

import asyncpg

from app.db.checks.defects import DatabaseUnfit, quoted
from app.db.connections import Connection, connect, describe_error

Process = Literal["receive", "work", "operate"]
PROCESSES: tuple[Process, ...] = get_args(Process)

Rights = tuple[str, ...]
_READ = ("SELECT",)
_ADD = ("SELECT", "INSERT")
_KEEP = ("SELECT", "INSERT", "UPDATE")
_ALL = ("SELECT", "INSERT", "UPDATE", "DELETE")
_VERSION = {"alembic_version": _READ}
_DECLARED = {"subscribers": _KEEP, "subscriber_secrets": _ALL, "audit_entries": _ADD}
"""Rights to apply RELAY_SUBSCRIBERS at the start of a process."""

RIGHTS: Mapping[Process, Mapping[str, Rights]] = {
    # It faces the outside, so it cannot read the calls it recorded. Of samples it keeps the newest.
    "receive": {
        "notices": ("INSERT",),
        "answers": ("INSERT",),
        "rejected_samples": ("INSERT", "SELECT (id)", "DELETE"),
    },
    "work": {
        **_VERSION,
        **_DECLARED,
        "notices": _KEEP,
        "answers": _ALL,
        "rejected_samples": ("SELECT", "DELETE"),
        "orders": _KEEP,
        "events": _KEEP,
        "events_position_seq": ("USAGE", "SELECT"),
        "outbound_webhooks": _ALL,
        "attempts": _ALL,
        "recovery_jobs": _KEEP,
        "housekeeping_marks": _KEEP,
        "reviews": _KEEP,
        "review_notes": ("SELECT", "UPDATE"),
        "unwanted": _READ,
        "reconciliations": ("SELECT", "UPDATE", "DELETE"),
        "reconciliation_rows": _ALL,
        "applications": ("SELECT", "UPDATE"),
        "reference_keys": _ALL,
        "mails": _ALL,
        "mailboxes": _KEEP,
        "idempotent_answers": ("SELECT", "DELETE"),
        "ended_sessions": ("SELECT", "DELETE"),
    },
    "operate": {
        **_VERSION,
        **_DECLARED,
        "notices": _KEEP,
        "answers": _ADD,
        "rejected_samples": ("SELECT", "UPDATE", "DELETE"),
        "orders": _KEEP,
        "events": _KEEP,
        "events_position_seq": ("USAGE", "SELECT"),
        "reviews": _KEEP,
        "review_notes": _KEEP,
        "unwanted": _ALL,
        "reconciliations": _KEEP,
        "reconciliation_rows": _KEEP,
        "applications": _KEEP,
        "reference_keys": _KEEP,
        "mails": _KEEP,
        "mailboxes": ("SELECT",),
        "outbound_webhooks": _KEEP,
        "attempts": ("SELECT", "UPDATE"),
        "recovery_jobs": _KEEP,
        "housekeeping_marks": _KEEP,
        "operator_tokens": _KEEP,
        "idempotent_answers": _ALL,
        "ended_sessions": _ALL,
        "alert_memory": _KEEP,
    },
}

_MISSING = """
SELECT wanted.name, wanted.privilege
FROM unnest($1::text[], $2::text[]) AS wanted (name, privilege),
  regexp_match(wanted.privilege, '^(\\w+)(?: \\((\\w+)\\))?$') AS part
JOIN pg_class ON true
WHERE pg_class.oid = to_regclass(wanted.name) AND NOT CASE
  WHEN relkind = 'S' THEN has_sequence_privilege(pg_class.oid, part[1])
  WHEN part[2] IS NULL THEN has_table_privilege(pg_class.oid, part[1])
  ELSE has_column_privilege(pg_class.oid, part[2], part[1]) END
"""


async def missing_grants(connection: Connection, process: Process) -> dict[str, list[str]]:
    """Return by table the rights that the connected user lacks. Missing tables are skipped."""
    wanted = [(table, right) for table, rights in RIGHTS[process].items() for right in rights]
    rows = await connection.fetch(
        _MISSING, [table for table, _ in wanted], [right for _, right in wanted]
    )
    missing: dict[str, list[str]] = {}
    for row in rows:
        missing.setdefault(row["name"], []).append(row["privilege"])
    return missing


def grant_statements(process: Process, role: str, schema: str) -> list[str]:
    """Return the statements that give `role` only the rights of `process` in `schema`."""
    to, inside = quoted(role), quoted(schema)
    statements = [
        f"REVOKE ALL ON ALL TABLES IN SCHEMA {inside} FROM {to}",
        f"REVOKE ALL ON ALL SEQUENCES IN SCHEMA {inside} FROM {to}",
        f"GRANT USAGE ON SCHEMA {inside} TO {to}",
    ]
    for name, rights in RIGHTS[process].items():
        kind = "SEQUENCE " if name.endswith("_seq") else ""
        statements.append(f"GRANT {', '.join(rights)} ON {kind}{inside}.{quoted(name)} TO {to}")
    return statements


async def grant_to_roles(url: str, roles: Mapping[Process, str]) -> None:
    """Give each role the rights of its process, in one transaction.

    Raises DatabaseUnfit when a role does not exist or the tables belong to another user, else one
    of CONNECT_ERRORS.
    """
    connection = await connect(url, application="zeus-relay grant")
    try:
        async with connection.transaction():
            schema = await connection.fetchval("SELECT current_schema()::text")
            for process, role in roles.items():
                for statement in grant_statements(process, role, schema):
                    await connection.execute(statement)
    except asyncpg.UndefinedObjectError as error:
        raise DatabaseUnfit(f"{error}; make it with `CREATE ROLE … LOGIN PASSWORD '…'`") from None
    except asyncpg.InsufficientPrivilegeError as error:
        remedy = "run `zeus-relay migrate --grant …` as the owner of the tables"
        raise DatabaseUnfit(f"{describe_error(error)}; {remedy}") from None
    finally:
        connection.terminate()
