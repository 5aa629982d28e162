"""Notices that the database refuses to have judged: they are found by trials, and the others are written without them."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.connections import describe_error
from app.judging.batch import Known, Outcome, TakenNotice, decide, known_before, quarantined, write
from app.logs import get_logger

_PARTS = 8
"""Into how many parts a refused batch is divided. Eight find one among 512 in 25 trials, and 512 of 512 in 585."""

log = get_logger("judging")


@dataclass(frozen=True, slots=True)
class _Group:
    """The notices of one order, and what comes of them."""

    taken: list[TakenNotice]
    outcome: Outcome


def is_refusal(error: DBAPIError) -> bool:
    """Whether the database refuses what was to be written (SQLSTATE classes 22, 23, 54); trying again does not help."""
    return str(getattr(error.orig, "sqlstate", None) or "")[:2] in ("22", "23", "54")


async def write_apart(
    session: AsyncSession, taken: Sequence[TakenNotice], ip_codes: Collection[str], first_wait: timedelta
) -> tuple[Outcome, list[TakenNotice]]:
    """Judge and write these notices; those that the database refuses go to quarantine. Return what was written, and the refused ones.

    Raises DBAPIError for any other failure of the database.
    """
    known = await known_before(session, taken, ip_codes)
    groups = [_Group(group, decide(group, known, ip_codes)) for group in _by_order(taken, known)]
    bad = await _refused_groups(session, groups, first_wait)
    refused: list[tuple[TakenNotice, str]] = []
    singly = [await _write_one_by_one(session, group, known, ip_codes, first_wait, refused) for group in bad]
    bad_ids = {id(group) for group in bad}
    good = Outcome.of_all(group.outcome for group in groups if id(group) not in bad_ids)
    await write(session, good, first_wait)
    rows = await _write_quarantined(session, refused)
    return Outcome.of_all([good, *singly, Outcome(verdicts=rows)]), [one for one, _ in refused]


def _by_order(taken: Sequence[TakenNotice], known: Known) -> list[list[TakenNotice]]:
    """The notices of each order together; one without an order is alone."""
    groups: dict[object, list[TakenNotice]] = {}
    for one in taken:
        groups.setdefault(one.order_no_among(known.orders) or one.notice.id, []).append(one)
    return list(groups.values())


async def _refused_groups(session: AsyncSession, groups: Sequence[_Group], first_wait: timedelta) -> list[_Group]:
    """Those that the database refuses. Nothing stays written, so that no trial holds the locks of another."""
    if not groups or await _trial(session, groups, first_wait):
        return []
    if len(groups) == 1:
        return list(groups)
    size = -(-len(groups) // _PARTS)
    found: list[_Group] = []
    for start in range(0, len(groups), size):
        found += await _refused_groups(session, groups[start : start + size], first_wait)
    return found


async def _trial(session: AsyncSession, groups: Sequence[_Group], first_wait: timedelta) -> bool:
    savepoint = await session.begin_nested()
    try:
        await write(session, Outcome.of_all(group.outcome for group in groups), first_wait)
    except DBAPIError as error:
        if not is_refusal(error):
            raise
        return False
    finally:
        await savepoint.rollback()
    return True


async def _write_one_by_one(
    session: AsyncSession,
    group: _Group,
    known: Known,
    ip_codes: Collection[str],
    first_wait: timedelta,
    refused: list[tuple[TakenNotice, str]],
) -> Outcome:
    """Write the notices of one order singly, and add those to `refused` that the database does not take."""
    written: list[Outcome] = []
    for one in group.taken:
        outcome = decide([one], known, ip_codes)
        try:
            async with session.begin_nested():
                await write(session, outcome, first_wait)
        except DBAPIError as error:
            if not is_refusal(error):
                raise
            log.error("notice_unwritable", notice_id=str(one.notice.id), error=describe_error(error))
            refused.append((one, f"unwritable:{getattr(error.orig, 'sqlstate', '')}"))
        else:
            written.append(outcome)
            known = replace(known, orders=outcome.orders)
    return Outcome.of_all(written)


async def _write_quarantined(session: AsyncSession, refused: Sequence[tuple[TakenNotice, str]]) -> list[dict[str, Any]]:
    """Put these in quarantine together; where even that is refused, each alone, and without its values if need be."""
    rows = [quarantined(one, reason) for one, reason in refused]
    if not rows or await _written(session, rows):
        return rows
    for place, row in enumerate(rows):
        if not await _written(session, [row]):
            rows[place] = {**row, "flags": [], "parameters": {}, "order_no": None, "status": None}
            await write(session, Outcome(verdicts=[rows[place]]), timedelta(0))
    return rows


async def _written(session: AsyncSession, rows: list[dict[str, Any]]) -> bool:
    try:
        async with session.begin_nested():
            await write(session, Outcome(verdicts=rows), timedelta(0))
    except DBAPIError as error:
        if not is_refusal(error):
            raise
        return False
    return True
