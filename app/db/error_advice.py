"""Telling trouble with the database, which passes or has a remedy, from defects of our own."""

from enum import StrEnum

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.db.connections import is_outdated_plan


class DatabaseProblem(StrEnum):
    """What is wrong, in words for an operator."""

    UNREACHABLE = "the database cannot be reached or does not let us in"
    BUSY = "the database could not do it now; trying again will help"
    FORBIDDEN = (
        "the database refuses it, since its user lacks a right; `zeus-relay doctor` names it"
    )
    READ_ONLY = "the database takes no writes: it is a standby, or its user may only read"
    NOT_MIGRATED = (
        "the database lacks tables or columns that this version needs; run `zeus-relay migrate`"
    )


# PostgreSQL's error codes: the first two characters are the class.
_BY_CODE = {
    "42P01": DatabaseProblem.NOT_MIGRATED,  # undefined table
    "42703": DatabaseProblem.NOT_MIGRATED,  # undefined column
    "25006": DatabaseProblem.READ_ONLY,
    "42501": DatabaseProblem.FORBIDDEN,  # insufficient privilege
    "3F000": DatabaseProblem.FORBIDDEN,  # no schema to create in
    "42704": DatabaseProblem.UNREACHABLE,  # a setting in the URL that the server does not know
    "57014": DatabaseProblem.BUSY,  # cancelled by the statement timeout
    "3D000": DatabaseProblem.UNREACHABLE,  # no such database
}
_BY_CLASS = {
    "08": DatabaseProblem.UNREACHABLE,  # connection exception
    "28": DatabaseProblem.UNREACHABLE,  # invalid authorization
    "40": DatabaseProblem.BUSY,  # deadlock, serialization failure
    "53": DatabaseProblem.BUSY,  # insufficient resources, too many connections
    "57": DatabaseProblem.UNREACHABLE,  # shutting down, starting up
}


def problem_of(error: BaseException) -> DatabaseProblem | None:
    """The trouble behind an exception, or None: then it is a defect."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return DatabaseProblem.UNREACHABLE
        error = error.orig or error
    if is_outdated_plan(error):
        return DatabaseProblem.BUSY
    code = str(getattr(error, "sqlstate", None) or "")
    if code:
        return _BY_CODE.get(code) or _BY_CLASS.get(code[:2])
    if isinstance(error, PoolTimeout):
        return DatabaseProblem.BUSY
    if isinstance(error, asyncpg.InternalClientError):  # no host is of the kind that the URL wants
        return DatabaseProblem.READ_ONLY
    return (
        DatabaseProblem.UNREACHABLE if isinstance(error, OSError) else None
    )  # TimeoutError is one too
