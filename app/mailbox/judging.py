"""Judging of mails: what a kept message says, and whether it is believed."""

import asyncio
import json
import re
from collections.abc import Awaitable, Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import uuid7
from app.db.driver.direct import finds_any
from app.db.engine import Sessions
from app.logs import get_logger
from app.mailbox.authentication import Belief
from app.mailbox.message import MailText, texts_of
from app.mailbox.states import MailState
from app.metrics import mails_judged
from app.zeus.canonical import canonical
from app.zeus.mails import MailFacts, MailKind, read_mail
from app.zeus.parameters import telno_tail_of

BATCH: Final = 50
"""Mails at most that are judged in one transaction."""
_BATCH_BYTES: Final = 4 * 1024 * 1024
READ_AT_MOST: Final = 8 * 1024 * 1024
"""Bytes of a message that is read. Zeus's mails have a few thousand."""
_TRY_AGAIN: Final = timedelta(minutes=1)
_TRY_FOR: Final = timedelta(days=3)
"""Time for which a mail is tried again whose sender's keys cannot be looked up."""
_MONEY_LIMIT: Final = 10**12
_TEXT_LIMIT: Final = 200
_ORDER_NO = re.compile(r"[0-9A-Za-z.-]{1,255}")

_UNREAD = """FROM mails
WHERE state = 'unread' AND part = 0
  AND (judged_at IS NULL OR judged_at < now() - CAST(:again AS interval))"""
_ANY_UNREAD = text(f"SELECT {_UNREAD} LIMIT 1")
_TAKE = text(f"""
SELECT id, hash, via, size, received_at,
  received_at < now() - CAST(:try_for AS interval) AS is_last_try
{_UNREAD}
ORDER BY id LIMIT :limit FOR UPDATE SKIP LOCKED
""")
_RAW = text("SELECT raw FROM mails WHERE id = CAST(:id AS uuid)")
_LATER = text("""
UPDATE mails SET judged_at = clock_timestamp() WHERE id = ANY (CAST(:ids AS uuid[]))
""")
_COLUMNS: Final = (
    "state, believed, belief, kind, status, clientip, order_no, money, occurred_at, store, pay_cvs,"
    " pay_no1, pay_no2, pay_limit, telno_tail, unread"
)
_WRITE = text(f"""
INSERT INTO mails (id, hash, part, received_at, via, raw, size, judged_at, {_COLUMNS})
SELECT id, hash, part, received_at, via, ''::bytea, size, clock_timestamp(), {_COLUMNS}
FROM json_populate_recordset(NULL::mails, CAST(:rows AS json))
ON CONFLICT (hash, part) DO UPDATE SET judged_at = excluded.judged_at,
  ({_COLUMNS}) = ROW ({", ".join(f"excluded.{name.strip()}" for name in _COLUMNS.split(","))})
""")  # noqa: S608 - only our own constants are put in

log = get_logger("mails")
Believe = Callable[[bytes], Awaitable[Belief]]
"""Returns whether the sender of raw bytes is Zeus."""


@dataclass(frozen=True, slots=True)
class _Taken:
    """An unread mail that nobody else judges now."""

    id: UUID
    hash: bytes
    via: str
    size: int
    received_at: datetime
    is_last_try: bool


@dataclass(frozen=True, slots=True)
class MailJudge:
    """Judges unread mails. Any number may run: each locks the mails that it has.

    Without `ip_codes` no mail is believed, since any merchant of Zeus gets mails of Zeus.
    """

    believe: Believe
    ip_codes: Collection[str]

    async def is_any_unread(self, sessions: Sessions) -> bool:
        """Return whether `judge_batch` may find a mail. Raises CONNECT_ERRORS."""
        return await finds_any(sessions, _ANY_UNREAD, {"again": _TRY_AGAIN})

    async def judge_batch(self, session: AsyncSession) -> int:
        """Judge the oldest unread mails and return their number. Never commit.

        A mail whose sender cannot be checked now is tried again after a minute.
        """
        values = {"limit": BATCH, "again": _TRY_AGAIN, "try_for": _TRY_FOR}
        found = (await session.execute(_TAKE, values)).all()
        taken = list(_first_bytes([_Taken(*row) for row in found]))
        rows: list[dict[str, Any]] = []
        later: list[UUID] = []
        for one in taken:
            judged = await self._judge(session, one)
            if judged is None:
                later.append(one.id)
            else:
                rows += judged
        if rows:
            await session.execute(_WRITE, {"rows": json.dumps(rows, default=_as_json)})
        if later:
            await session.execute(_LATER, {"ids": later})
        for row in rows:
            mails_judged.labels(row["state"]).inc()
            log.debug("mail_judged", mail_id=str(row["id"]), state=row["state"])
        return len(taken)

    async def _judge(self, session: AsyncSession, one: _Taken) -> list[dict[str, Any]] | None:
        """Return the rows of the mails in a message; None to try again later."""
        if one.size > READ_AT_MOST:
            return [_row(one, 0, state=MailState.UNREADABLE, belief="too_large")]
        raw: bytes = (await session.execute(_RAW, {"id": one.id})).scalar_one()
        found = await asyncio.to_thread(_facts_in, raw)
        if found is None:
            return [_row(one, 0, state=MailState.UNREADABLE, belief="not_a_message")]
        rows = []
        beliefs: dict[bytes, Belief] = {}  # the mails in one message have its signature
        for part, (mail, facts) in enumerate(found):
            if mail.raw not in beliefs:
                beliefs[mail.raw] = await self.believe(mail.raw)
            belief = self._belief(beliefs[mail.raw], facts)
            if belief.believed is None and not one.is_last_try:
                return None
            rows.append(_row(one, part, **_told(facts), **_verdict(facts, belief)))
        return rows or [_row(one, 0, state=MailState.OTHER)]

    def _belief(self, belief: Belief, facts: MailFacts) -> Belief:
        """Return whether a mail comes from Zeus, as `belief` says of its message, and is ours."""
        if not belief.believed or (facts.kind is MailKind.CALL_FAILED and facts.clientip is None):
            return belief
        if not self.ip_codes:
            return Belief(False, "ip_codes_not_set")
        if facts.clientip not in self.ip_codes:
            return Belief(False, "unknown_ip_code")
        return belief


def _first_bytes(taken: Sequence[_Taken]) -> Iterator[_Taken]:
    """Yield mails as long as their bytes are few; the first always."""
    left = _BATCH_BYTES
    for place, one in enumerate(taken):
        left -= one.size
        if left < 0 and place:
            return
        yield one


def _facts_in(raw: bytes) -> list[tuple[MailText, MailFacts]] | None:
    """Return the mails of Zeus in a message; None if nobody can read it."""
    try:
        texts = texts_of(raw)
    except Exception as error:  # whatever a message does to a parser, the next one is read
        log.error("mail_unreadable", error=type(error).__name__)
        return None
    found = [(mail, read_mail(mail.subject, mail.text)) for mail in texts]
    return [(mail, facts) for mail, facts in found if facts is not None]


def _verdict(facts: MailFacts, belief: Belief) -> dict[str, Any]:
    return {
        "state": _state(facts, belief),
        "believed": bool(belief.believed),
        "belief": belief.why[:_TEXT_LIMIT],
    }


def _state(facts: MailFacts, belief: Belief) -> MailState:
    if not belief.believed:
        return MailState.NOT_BELIEVED
    if facts.kind is MailKind.CALL_FAILED:
        return MailState.CALL_FAILED
    return MailState.WAITING if _order_no(facts) else MailState.UNREADABLE


def _order_no(facts: MailFacts) -> str | None:
    order_no = canonical("order_no", facts.order_no or "")
    return order_no if _ORDER_NO.fullmatch(order_no) else None


def _told(facts: MailFacts) -> dict[str, Any]:
    """Return the values of a mail as they are kept: of the telephone number its end alone."""
    money = facts.money if facts.money is not None and facts.money < _MONEY_LIMIT else None
    names = ("clientip", "pay_cvs", "pay_no1", "pay_no2")
    return {
        "kind": facts.kind.name.lower(),
        "status": facts.kind.status,
        "order_no": _order_no(facts),
        "money": money,
        "occurred_at": facts.occurred_at,
        "store": _text(facts.store),
        **{name: _text(canonical(name, getattr(facts, name) or "")) for name in names},
        "pay_limit": f"{facts.pay_limit:%Y%m%d}" if facts.pay_limit else None,
        "telno_tail": telno_tail_of(facts.telno),
        "unread": list(facts.unread),
    }


def _text(value: str | None) -> str | None:
    return (value or "").replace("\0", "")[:_TEXT_LIMIT] or None


def _row(one: _Taken, part: int, **values: Any) -> dict[str, Any]:
    return {
        "id": one.id if part == 0 else uuid7(),
        "hash": "\\x" + one.hash.hex(),
        "part": part,
        "received_at": one.received_at,
        "via": one.via,
        "size": one.size,
        "unread": [],
        **values,
    }


def _as_json(value: object) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)
