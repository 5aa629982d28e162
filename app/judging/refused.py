"""Notices that the database refuses: probe writes find them, and only the others are written."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import text

from app.crypto.reference import id_in
from app.db.connections import describe_error
from app.db.driver.direct import Statements
from app.db.sqlstates import is_data_error, sqlstate_of
from app.judging.batch import (
    Known,
    TakenNotice,
    decide,
    known_before,
    quarantined,
    write,
)
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.statements.review_rows import quarantine_row
from app.logs import get_logger
from app.order_life.relatives import ALIVE_AT_MOST, Purchase, purchase_of

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
    """Notices of one order or purchase, and their outcome."""

    taken: list[TakenNotice]
    outcome: JudgedBatch


async def write_apart(
    session: Statements,
    taken: Sequence[TakenNotice],
    policy: Policy,
    first_wait: timedelta,
) -> tuple[JudgedBatch, list[TakenNotice]]:
    """Judge and write these notices.

    Quarantine those that the database refuses. Return the outcome written, and the refused ones.

    Raises any other error.
    """
    taken, known = await known_before(session, taken, policy)
    groups = [_Group(group, decide(group, known, policy)) for group in _by_order(taken, known)]
    await session.execute(_SAVEPOINT)
    bad = await _refused_groups(session, groups, first_wait)
    await session.execute(_RELEASE)
    refused = [(group.taken[0], error) for group, error in bad if len(group.taken) == 1]
    orders = [group for group, _ in bad if len(group.taken) > 1]
    singly = [
        await _write_one_by_one(session, group, known, policy, first_wait, refused)
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
    """Return the notices in groups: those of one order, purchase or application are
    judged together.

    One without an order stands alone.
    """
    orders = [one.order_no_among(known.orders) for one in taken]
    purchases = _purchases_of(taken, orders, known)
    applications = _applications_of(taken, orders, known)
    groups: dict[object, list[TakenNotice]] = {}
    for one, *named in zip(taken, orders, purchases, applications, strict=True):
        keys: list[object] = [key for key in named if key] or [one.notice.id]
        found = {id(groups[key]): groups[key] for key in keys if key in groups}
        together = sorted([*itertools.chain(*found.values()), one], key=lambda it: it.notice.id)
        joined = [key for key, group in groups.items() if id(group) in found]
        groups.update(dict.fromkeys([*joined, *keys], together))
    return list({id(group): group for group in groups.values()}.values())


def _purchases_of(
    taken: Sequence[TakenNotice], orders: Sequence[str], known: Known
) -> list[Purchase | None]:
    """Return the purchase of each notice, None if so many orders share it that it is none."""
    found: list[Purchase | None] = []
    sharing: dict[Purchase, set[str]] = {}
    for one, order_no in zip(taken, orders, strict=True):
        order = known.orders.get(order_no)
        purchase = purchase_of({**(order.values if order else {}), **one.call.meant})
        found.append(purchase)
        if purchase:
            sharing.setdefault(purchase, set()).add(order_no)
    few = {
        purchase
        for purchase, order_nos in sharing.items()
        if len(order_nos) <= ALIVE_AT_MOST and not known.around.purchases.is_shared(purchase)
    }
    return [purchase if purchase in few else None for purchase in found]


def _applications_of(
    taken: Sequence[TakenNotice], orders: Sequence[str], known: Known
) -> list[UUID | None]:
    """Return the application that each notice may be about."""
    found: list[UUID | None] = []
    for one, order_no in zip(taken, orders, strict=True):
        order, made = known.orders.get(order_no), known.applications.of_orders.get(order_no)
        named = id_in(one.call.meant.get("sendpoint", ""))
        is_named = known.applications.get(named) is not None
        found.append((order.application_id if order else None) or (named if is_named else made))
    return found


async def _refused_groups(
    session: Statements, groups: Sequence[_Group], first_wait: timedelta
) -> list[tuple[_Group, Exception]]:
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
    found: list[tuple[_Group, Exception]] = []
    for start in range(0, len(groups), size):
        found += await _refused_groups(session, groups[start : start + size], first_wait)
    return found


async def _data_error(
    session: Statements, outcome: JudgedBatch, first_wait: timedelta
) -> Exception | None:
    """Write the outcome; return the database's reason if it refuses it.

    After a refusal, roll back to the savepoint.
    """
    try:
        await write(session, outcome, first_wait)
    except Exception as error:
        if not is_data_error(error):
            raise
        return error
    return None


async def _written(
    session: Statements, outcome: JudgedBatch, first_wait: timedelta
) -> Exception | None:
    """Write the outcome and keep it, or return the database's reason for refusing it."""
    await session.execute(_SAVEPOINT)
    error = await _data_error(session, outcome, first_wait)
    if error is not None:
        await session.execute(_BACK)
    await session.execute(_RELEASE)
    return error


async def _write_one_by_one(
    session: Statements,
    group: _Group,
    known: Known,
    policy: Policy,
    first_wait: timedelta,
    refused: list[tuple[TakenNotice, Exception]],
) -> JudgedBatch:
    """Write the notices of one order one by one.

    Add those that the database refuses to `refused`.
    """
    written: list[JudgedBatch] = []
    for one in group.taken:
        outcome = decide([one], known, policy)
        if error := await _written(session, outcome, first_wait):
            refused.append((one, error))
        else:
            written.append(outcome)
            known = replace(
                known,
                orders=outcome.orders,
                around=outcome.around,
                applications=outcome.applications,
            )
    return JudgedBatch.of_all(written)


async def _write_quarantined(
    session: Statements, refused: Sequence[tuple[TakenNotice, Exception]]
) -> list[dict[str, Any]]:
    """Quarantine these notices together.

    If the database refuses that, one by one, and without values if needed.
    """
    rows = [quarantined(one, f"unwritable:{sqlstate_of(error)}") for one, error in refused]
    no_wait = timedelta(0)
    if not rows or await _written(session, _with_reviews(rows), no_wait) is None:
        return rows
    for place, row in enumerate(rows):
        if await _written(session, _with_reviews([row]), no_wait) is not None:
            rows[place] = {**row, "flags": [], "parameters": {}, "order_no": None, "status": None}
            await write(session, _with_reviews([rows[place]]), no_wait)
    return rows


def _with_reviews(verdicts: list[dict[str, Any]]) -> JudgedBatch:
    return JudgedBatch(verdicts=verdicts, opened=[quarantine_row(row) for row in verdicts])
