"""Notices that the database refuses: probe writes find them, and only the others are written."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.connections import describe_error
from app.db.sqlstates import is_data_error, sqlstate_of
from app.judging.batch import (
    JudgedBatch,
    Known,
    TakenNotice,
    decide,
    known_before,
    quarantined,
    write,
)
from app.logs import get_logger

_SUBGROUPS = 8
"""Groups into which a refused batch is divided.

Eight find one notice among 512 in 25 probes, and 512 of 512 in 585.
"""

# One savepoint serves all probes: after a rollback to it, it still exists. A new one for each would
# cost two more round trips.
_SAVEPOINT = text("SAVEPOINT probe")
_BACK = text("ROLLBACK TO SAVEPOINT probe")
_RELEASE = text("RELEASE SAVEPOINT probe")

log = get_logger("judging")


@dataclass(frozen=True, slots=True)
class _Group:
    """Notices of one order, and their outcome."""

    taken: list[TakenNotice]
    outcome: JudgedBatch


async def write_apart(
    session: AsyncSession,
    taken: Sequence[TakenNotice],
    ip_codes: Collection[str],
    first_wait: timedelta,
) -> tuple[JudgedBatch, list[TakenNotice]]:
    """Judge and write these notices.

    Quarantine those that the database refuses. Return the outcome written, and the refused ones.

    Raises DBAPIError for any other database error.
    """
    known = await known_before(session, taken, ip_codes)
    groups = [_Group(group, decide(group, known, ip_codes)) for group in _by_order(taken, known)]
    await session.execute(_SAVEPOINT)
    bad = await _refused_groups(session, groups, first_wait)
    await session.execute(_RELEASE)
    refused = [(group.taken[0], error) for group, error in bad if len(group.taken) == 1]
    orders = [group for group, _ in bad if len(group.taken) > 1]
    singly = [
        await _write_one_by_one(session, group, known, ip_codes, first_wait, refused)
        for group in orders
    ]
    bad_ids = {id(group) for group, _ in bad}
    good = JudgedBatch.of_all(group.outcome for group in groups if id(group) not in bad_ids)
    await write(session, good, first_wait)
    for one, error in refused:
        log.error("notice_unwritable", notice_id=str(one.notice.id), error=describe_error(error))
    rows = await _write_quarantined(session, refused)
    return JudgedBatch.of_all([good, *singly, JudgedBatch(verdicts=rows)]), [
        one for one, _ in refused
    ]


def _by_order(taken: Sequence[TakenNotice], known: Known) -> list[list[TakenNotice]]:
    """Return the notices by order; one without an order stands alone."""
    groups: dict[object, list[TakenNotice]] = {}
    for one in taken:
        groups.setdefault(one.order_no_among(known.orders) or one.notice.id, []).append(one)
    return list(groups.values())


async def _refused_groups(
    session: AsyncSession, groups: Sequence[_Group], first_wait: timedelta
) -> list[tuple[_Group, DBAPIError]]:
    """Return the groups that the database refuses, with the errors.

    Nothing stays written, so no probe holds the locks of another.
    """
    if not groups:
        return []
    error = await _data_error(
        session, JudgedBatch.of_all(group.outcome for group in groups), first_wait
    )
    await session.execute(_BACK)
    if error is None:
        return []
    if len(groups) == 1:
        return [(groups[0], error)]
    size = -(-len(groups) // _SUBGROUPS)
    found: list[tuple[_Group, DBAPIError]] = []
    for start in range(0, len(groups), size):
        found += await _refused_groups(session, groups[start : start + size], first_wait)
    return found


async def _data_error(
    session: AsyncSession, outcome: JudgedBatch, first_wait: timedelta
) -> DBAPIError | None:
    """Write the outcome; return the database's reason if it refuses it.

    After a refusal, roll back to the savepoint.
    """
    try:
        await write(session, outcome, first_wait)
    except DBAPIError as error:
        if not is_data_error(error):
            raise
        return error
    return None


async def _written(
    session: AsyncSession, outcome: JudgedBatch, first_wait: timedelta
) -> DBAPIError | None:
    """Write the outcome and keep it, or return the database's reason for refusing it."""
    savepoint = await session.begin_nested()
    error = await _data_error(session, outcome, first_wait)
    await (savepoint.commit() if error is None else savepoint.rollback())
    return error


async def _write_one_by_one(
    session: AsyncSession,
    group: _Group,
    known: Known,
    ip_codes: Collection[str],
    first_wait: timedelta,
    refused: list[tuple[TakenNotice, DBAPIError]],
) -> JudgedBatch:
    """Write the notices of one order one by one.

    Add those that the database refuses to `refused`.
    """
    written: list[JudgedBatch] = []
    for one in group.taken:
        outcome = decide([one], known, ip_codes)
        if error := await _written(session, outcome, first_wait):
            refused.append((one, error))
        else:
            written.append(outcome)
            known = replace(known, orders=outcome.orders)
    return JudgedBatch.of_all(written)


async def _write_quarantined(
    session: AsyncSession, refused: Sequence[tuple[TakenNotice, DBAPIError]]
) -> list[dict[str, Any]]:
    """Quarantine these notices together.

    If the database refuses that, one by one, and without values if needed.
    """
    rows = [quarantined(one, f"unwritable:{sqlstate_of(error)}") for one, error in refused]
    no_wait = timedelta(0)
    if not rows or await _written(session, JudgedBatch(verdicts=rows), no_wait) is None:
        return rows
    for place, row in enumerate(rows):
        if await _written(session, JudgedBatch(verdicts=[row]), no_wait) is not None:
            rows[place] = {**row, "flags": [], "parameters": {}, "order_no": None, "status": None}
            await write(session, JudgedBatch(verdicts=[rows[place]]), no_wait)
    return rows
