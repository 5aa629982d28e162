"""Healing: a notice of the values in a mail, judged in the place of the call that never came."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import insert, text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7
from app.db.lanes import lane_of
from app.db.notify import OUTBOUND
from app.db.tables.notices import NoticeRow
from app.judging.batch import TakenNotice, decide, known_before, write
from app.judging.event_data import Source
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.sql import UnjudgedNotice
from app.mailbox.rows import write_ends
from app.mailbox.states import MailState
from app.metrics import events_created, notices_judged
from app.zeus.wire import encode

OUR_VALUES: Final = ("sendid", "sendpoint")
"""Parameters that no mail has."""
MAIL_VALUES: Final = ("clientip", "money", "pay_cvs", "pay_no1", "pay_no2", "pay_limit")
_NOBODY = "0.0.0.0"  # noqa: S104 - the source of what no caller sent

_VALUES = text("""
SELECT mails.id, mails.order_no, mails.status, mails.occurred_at,
  coalesce(mails.clientip, orders.clientip) AS clientip,
  coalesce(mails.money, orders.money)::text AS money,
  coalesce(mails.pay_cvs, orders.pay_cvs) AS pay_cvs,
  coalesce(mails.pay_no1, orders.pay_no1) AS pay_no1,
  coalesce(mails.pay_no2, orders.pay_no2) AS pay_no2,
  coalesce(mails.pay_limit, orders.pay_limit) AS pay_limit,
  orders.sendid, orders.sendpoint
FROM mails LEFT JOIN orders ON orders.order_no = mails.order_no
WHERE mails.id = ANY (CAST(:ids AS uuid[]))
""")


@dataclass(frozen=True, slots=True)
class HealingRules:
    """How notices are made and judged. `path` is that of the notification endpoint."""

    policy: Policy
    path: str
    first_wait: timedelta = timedelta(0)


def healing_notice(values: Mapping[str, Any], path: str, received_at: datetime) -> dict[str, Any]:
    """Return the row of a notice with the `values` of a mail, and those of its order for the rest.

    Text is written in UTF-8, which a call may have too.
    """
    names = ("order_no", "status", *MAIL_VALUES, *OUR_VALUES)
    query = encode({name: str(values[name]).encode() for name in names if values[name]})
    return {
        "id": uuid7(),
        "lane": lane_of(values["order_no"]),
        "received_at": received_at,
        "source": _NOBODY,
        "method": "GET",
        "target": f"{path}?".encode() + query,
        "headers": b"",
        "body": b"",
        "origin": Source.MAIL,
    }


async def heal(
    session: AsyncSession, mail_ids: Sequence[UUID], rules: HealingRules
) -> tuple[dict[UUID, UUID], JudgedBatch]:
    """Make notices of these mails and judge them at once, in this sequence.

    Return the notices by mail, and the outcome. The caller holds the lanes of their orders, and no
    notice waits there: a call that comes now is judged afterwards, and is a repetition. Never
    commit.
    """
    if not mail_ids:
        return {}, JudgedBatch()
    stored = (await session.execute(_VALUES, {"ids": list(mail_ids)})).mappings()
    values = {row["id"]: dict(row) for row in stored}
    notices = [healing_notice(values[one], rules.path, now()) for one in mail_ids]
    await session.execute(insert(NoticeRow), notices)
    taken = [TakenNotice.of(_unjudged(notice)) for notice in notices]
    _, known = await known_before(session, taken, rules.policy)
    times = {
        notice["id"]: moment
        for notice, mail_id in zip(notices, mail_ids, strict=True)
        if (moment := values[mail_id]["occurred_at"])
    }
    outcome = decide(taken, replace(known, times=times), rules.policy)
    await write(session, outcome, rules.first_wait)
    made = {mail: notice["id"] for mail, notice in zip(mail_ids, notices, strict=True)}
    await write_ends(
        session,
        [
            {"id": mail, "state": MailState.HEALED, "healing_notice_id": notice}
            for mail, notice in made.items()
        ],
    )
    if outcome.events:
        await session.execute(text(f"NOTIFY {OUTBOUND}"))
    return made, outcome


def _unjudged(notice: Mapping[str, Any]) -> UnjudgedNotice:
    names = ("id", "lane", "received_at", "target", "body", "origin")
    return UnjudgedNotice(**{name: notice[name] for name in names}, released=False, cut=False)


def count_outcome(outcome: JudgedBatch) -> None:
    """Count the verdicts and the events of a committed outcome."""
    for row in outcome.verdicts:
        notices_judged.labels(row["verdict"]).inc()
    for row in outcome.events:
        events_created.labels(row["type"]).inc()
