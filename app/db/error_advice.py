"""Advice for operators on database errors, as opposed to defects of our own.

A module of its own, since API, console, commands and doctor use it without transactions.
"""

import asyncpg
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from app.db.connections import is_outdated_plan
from app.db.sqlstates import DatabaseProblem, find_sqlstate, sqlstate_of


def problem_of(error: BaseException) -> DatabaseProblem | None:
    """Return the database problem behind an exception, or None for a defect of our own."""
    if isinstance(error, DBAPIError):
        if error.connection_invalidated:
            return DatabaseProblem.UNREACHABLE
        error = error.orig or error
    if is_outdated_plan(error):
        return DatabaseProblem.BUSY
    if code := sqlstate_of(error):
        found = find_sqlstate(code)
        return found.problem if found else None
    if isinstance(error, PoolTimeout):
        return DatabaseProblem.BUSY
    if isinstance(error, asyncpg.InternalClientError):  # no host has the role that the URL asks for
        return DatabaseProblem.READ_ONLY
    # TimeoutError is an OSError too.
    return DatabaseProblem.UNREACHABLE if isinstance(error, OSError) else None
