"""SQLSTATE table: each PostgreSQL error as temporary, data, schema or access.

The table decides what a process does (retry, quarantine, stop), what an operator reads, and if the
server's message may be logged. Sources of the codes: PostgreSQL documentation, appendix A. Imports
no SQLAlchemy, since the receiver uses it.
"""

from enum import StrEnum
from typing import NamedTuple

INSUFFICIENT_PRIVILEGE = "42501"
NO_SUCH_DATABASE = "3D000"
PROTOCOL_VIOLATION = "08P01"
INVALID_AUTHORIZATION_CLASS = "28"


class ErrorKind(StrEnum):
    """The reaction that an error of the database calls for."""

    TEMPORARY = "temporary"
    """A retry can succeed."""
    DATA = "data"
    """The database rejects the values; a retry fails again."""
    SCHEMA = "schema"
    """Tables or columns are missing; a migration helps."""
    ACCESS = "access"
    """The server rejects the connection or the user lacks a right; an administrator helps."""


class DatabaseProblem(StrEnum):
    """A problem with the database and its remedy, as a text for operators."""

    UNREACHABLE = "the database cannot be reached or does not let us in"
    BUSY = "the database could not do it now; trying again will help"
    FORBIDDEN = (
        "the database refuses it, since its user lacks a right; `zeus-relay doctor` names it"
    )
    READ_ONLY = "the database takes no writes: it is a standby, or its user may only read"
    NOT_MIGRATED = (
        "the database lacks tables or columns that this version needs; run `zeus-relay migrate`"
    )


class SqlState(NamedTuple):
    """One row of the table."""

    kind: ErrorKind
    problem: DatabaseProblem | None = None
    """None: an operator sees an internal error."""
    names_no_values: bool = False
    """True: the message names a role, database, schema or table and no values, so it is logged."""


_SQLSTATES = {
    # connection exception
    "08": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.UNREACHABLE, names_no_values=True),
    # data exception
    "22": SqlState(ErrorKind.DATA),
    # integrity constraint violation
    "23": SqlState(ErrorKind.DATA),
    # read-only transaction: an old primary after a failover, or a standby
    "25006": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.READ_ONLY, names_no_values=True),
    # invalid authorization
    "28": SqlState(ErrorKind.ACCESS, DatabaseProblem.UNREACHABLE, names_no_values=True),
    # no such database
    "3D": SqlState(ErrorKind.ACCESS, DatabaseProblem.UNREACHABLE, names_no_values=True),
    # no schema to create in
    "3F": SqlState(ErrorKind.ACCESS, DatabaseProblem.FORBIDDEN, names_no_values=True),
    # transaction rollback: deadlock, serialization failure
    "40": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.BUSY),
    # insufficient privilege
    "42501": SqlState(ErrorKind.ACCESS, DatabaseProblem.FORBIDDEN, names_no_values=True),
    # undefined column
    "42703": SqlState(ErrorKind.SCHEMA, DatabaseProblem.NOT_MIGRATED),
    # undefined object: a setting in the URL that the server does not know
    "42704": SqlState(ErrorKind.ACCESS, DatabaseProblem.UNREACHABLE),
    # undefined table
    "42P01": SqlState(ErrorKind.SCHEMA, DatabaseProblem.NOT_MIGRATED),
    # insufficient resources: disk, memory, connections
    "53": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.BUSY, names_no_values=True),
    # program limit exceeded: a value is too long for an index
    "54": SqlState(ErrorKind.DATA),
    # object not in the required state: lock not available
    "55": SqlState(ErrorKind.TEMPORARY),
    # operator intervention
    "57": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.UNREACHABLE),
    # query canceled by the statement timeout
    "57014": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.BUSY),
    # shutdown, start-up, connection terminated
    "57P": SqlState(ErrorKind.TEMPORARY, DatabaseProblem.UNREACHABLE, names_no_values=True),
    # system error: I/O
    "58": SqlState(ErrorKind.TEMPORARY),
}
"""Keys are whole codes or beginnings of codes; the longest key that fits wins."""
_KEY_LENGTHS = (5, 3, 2)


def find_sqlstate(code: str) -> SqlState | None:
    """Return the row for a SQLSTATE code, or None when the table has none."""
    for length in _KEY_LENGTHS:
        if found := _SQLSTATES.get(code[:length]):
            return found
    return None


def sqlstate_of(error: BaseException) -> str:
    """Return the SQLSTATE of an error of asyncpg or SQLAlchemy, or "" for an error without one."""
    cause = getattr(error, "orig", None) or error
    return str(getattr(cause, "sqlstate", None) or "")


def is_data_error(error: BaseException) -> bool:
    """Return True when the database rejects the values of a statement: a retry does not help."""
    found = find_sqlstate(sqlstate_of(error))
    return found is not None and found.kind is ErrorKind.DATA
