"""The SQLSTATE table: kind, advice for operators and logged messages of each code."""

import asyncpg
import pytest

from app.db.connections import describe_error
from app.db.sqlstates import (
    DatabaseProblem,
    ErrorKind,
    SqlState,
    find_sqlstate,
    is_data_error,
    sqlstate_of,
)

TEMPORARY, DATA = ErrorKind.TEMPORARY, ErrorKind.DATA
SCHEMA, ACCESS = ErrorKind.SCHEMA, ErrorKind.ACCESS
UNREACHABLE, BUSY = DatabaseProblem.UNREACHABLE, DatabaseProblem.BUSY
FORBIDDEN, READ_ONLY = DatabaseProblem.FORBIDDEN, DatabaseProblem.READ_ONLY
NOT_MIGRATED = DatabaseProblem.NOT_MIGRATED


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("08001", (TEMPORARY, UNREACHABLE, True)),
        ("08006", (TEMPORARY, UNREACHABLE, True)),
        ("08P01", (TEMPORARY, UNREACHABLE, True)),
        ("22001", (DATA, None, False)),
        ("22021", (DATA, None, False)),
        ("22P05", (DATA, None, False)),
        ("23502", (DATA, None, False)),
        ("23505", (DATA, None, False)),
        ("25006", (TEMPORARY, READ_ONLY, True)),
        ("28000", (ACCESS, UNREACHABLE, True)),
        ("28P01", (ACCESS, UNREACHABLE, True)),
        ("3D000", (ACCESS, UNREACHABLE, True)),
        ("3F000", (ACCESS, FORBIDDEN, True)),
        ("40001", (TEMPORARY, BUSY, False)),
        ("40P01", (TEMPORARY, BUSY, False)),
        ("42501", (ACCESS, FORBIDDEN, True)),
        ("42703", (SCHEMA, NOT_MIGRATED, False)),
        ("42704", (ACCESS, UNREACHABLE, False)),
        ("42P01", (SCHEMA, NOT_MIGRATED, False)),
        ("53100", (TEMPORARY, BUSY, True)),
        ("53300", (TEMPORARY, BUSY, True)),
        ("54000", (DATA, None, False)),
        ("55P03", (TEMPORARY, None, False)),
        ("57000", (TEMPORARY, UNREACHABLE, False)),
        ("57014", (TEMPORARY, BUSY, False)),
        ("57P01", (TEMPORARY, UNREACHABLE, True)),
        ("57P03", (TEMPORARY, UNREACHABLE, True)),
        ("58030", (TEMPORARY, None, False)),
    ],
)
def test_a_known_code_has_its_row(
    code: str, expected: tuple[ErrorKind, DatabaseProblem | None, bool]
) -> None:
    assert SqlState(*expected) == find_sqlstate(code)


@pytest.mark.parametrize(
    "code", ["", "0A000", "25001", "25P02", "42601", "42883", "P0001", "XX000"]
)
def test_a_code_of_an_internal_error_has_no_row(code: str) -> None:
    assert None is find_sqlstate(code)


def test_data_errors_are_those_of_the_driver() -> None:
    data = (
        asyncpg.DataError,
        asyncpg.IntegrityConstraintViolationError,
        asyncpg.ProgramLimitExceededError,
    )
    classes = {
        value
        for value in vars(asyncpg.exceptions).values()
        if isinstance(value, type) and issubclass(value, asyncpg.PostgresError) and value.sqlstate
    }
    assert 200 < len(classes)
    for one in classes:
        assert issubclass(one, data) is is_data_error(one("message")), one


def test_an_error_without_a_code_is_no_data_error() -> None:
    for error in (OSError("network"), asyncpg.InterfaceError("closed"), KeyError("x")):
        assert "" == sqlstate_of(error)
        assert not is_data_error(error)


def test_only_a_message_without_values_is_logged() -> None:
    refused = asyncpg.InsufficientPrivilegeError("permission denied for table notices")
    assert (
        "InsufficientPrivilegeError (42501): permission denied for table notices"
        == describe_error(refused)
    )
    wrong = asyncpg.UniqueViolationError("Key (order_no)=(A1) already exists")
    assert "UniqueViolationError (23505)" == describe_error(wrong)
