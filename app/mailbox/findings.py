"""Findings: what mails say about orders, as reviews that open and end by themselves."""

from collections.abc import Collection
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.notify import OUTBOUND
from app.events.payload import timestamp
from app.judging import sql
from app.judging.batch import write
from app.judging.event_data import Cause, Source
from app.judging.outcome import JudgedBatch
from app.judging.statements.review_rows import review_row
from app.judging.surroundings import read_surroundings
from app.mailbox.healing import HealingRules
from app.mailbox.pairing import Pair, Pairing, ReadMail
from app.mailbox.rows import COPY, NOT_CALLED, OLD, write_ends
from app.mailbox.states import MailState
from app.order_life.change import OrderChange
from app.order_life.differing import Differing, details_of
from app.order_life.relatives import applications_of
from app.order_life.reviews import BY_ITSELF, Reason, Review, Settlement

# The order is not known, so nobody was told of the review.
_SETTLE_UNKNOWN = text(f"""
UPDATE reviews SET settled_at = clock_timestamp(), settlement = '{Settlement.DISMISS}',
  settled_by = :settled_by
WHERE key = :key AND settled_at IS NULL
""")  # noqa: S608 - only our own constants are put in


@dataclass(slots=True)
class Findings:
    """Collects what becomes of mails, and writes it under the locks of their orders' lanes."""

    rules: HealingRules
    _changes: dict[str, OrderChange] = field(default_factory=dict)
    _unknown: list[Review] = field(default_factory=list)
    _ends: list[dict[str, str]] = field(default_factory=list)

    async def write(self, session: AsyncSession, found: Pairing) -> JudgedBatch:
        """Write pairs, copies and missing calls, and return the outcome. Never commit."""
        paired = [pair.mail for pair in found.pairs]
        mails = [*paired, *found.copies, *found.due, *found.old, *found.uncalled]
        if not mails:
            return JudgedBatch()
        await self.read_orders(session, {mail.order_no for mail in mails})
        for pair in found.pairs:
            self._end(pair.mail)
            if pair.differs:
                self._tell_difference(pair)
        for mail in found.copies:
            self._end(mail)
        for mail in found.due:
            self._tell_missing(mail)
        await write_ends(session, _ends(found))
        return await self.write_reviews(session)

    async def read_orders(self, session: AsyncSession, order_nos: Collection[str]) -> None:
        """Read the known ones among these orders and their relatives."""
        orders = await sql.known_orders(session, order_nos)
        purchases = self.rules.policy.purchases_of(order.values for order in orders.values())
        applications = applications_of(orders.values())
        around = await read_surroundings(session, purchases, (), (), applications)
        for number, order in orders.items():
            related = around.purchases.relatives_of(order)
            self._changes[number] = OrderChange(order, related=related)

    def settle(self, mail_id: UUID, order_no: str, status: str, settled_by: str) -> None:
        """End the review of a call that is missing no longer."""
        change = self._changes.get(order_no)
        if change is None:
            key = _missing_key(mail_id, order_no, status)
            self._ends.append({"key": key, "settled_by": settled_by})
            return
        for review in change.order.reviews:
            is_missing = review.reason is Reason.CALL_MISSING
            if is_missing and review.details.get("mail_id") == str(mail_id):
                change.settle(review, Settlement.DISMISS, settled_by)

    async def write_reviews(self, session: AsyncSession) -> JudgedBatch:
        """Write reviews and their events, and return the outcome."""
        outcome = JudgedBatch(opened=[review_row(review) for review in self._unknown])
        for change in self._changes.values():
            if change.events:
                outcome.add_change(change, Cause(Source.MAIL))
        if self._ends:
            await session.execute(_SETTLE_UNKNOWN, self._ends)
        await write(session, outcome, self.rules.first_wait)
        if outcome.events:
            await session.execute(text(f"NOTIFY {OUTBOUND}"))
        return outcome

    def _end(self, mail: ReadMail) -> None:
        if mail.state is MailState.MISSING:
            self.settle(mail.id, mail.order_no, mail.status, BY_ITSELF)

    def _tell_difference(self, pair: Pair) -> None:
        """Open the review of an amount that mail and call tell differently."""
        mail, call = pair
        differing = (Differing("money", str(call.money), str(mail.money), call.id),)
        change = self._changes.get(mail.order_no)
        if change is None:
            return
        review = Review(
            Reason.VALUES_DIFFER,
            mail.order_no,
            change.order.cycle,
            call.id,
            {**details_of(differing), "mail_id": str(mail.id)},
            key=f"values_differ mail {mail.id}",
        )
        change.open(review, differing)

    def _tell_missing(self, mail: ReadMail) -> None:
        """Open the review of a call that has not come. Without its order it has no event."""
        change = self._changes.get(mail.order_no)
        review = missing_review(mail, change.order.cycle if change else None)
        if change is None:
            self._unknown.append(review)
        else:
            change.open(review)


def missing_review(mail: ReadMail, cycle: int | None) -> Review:
    """Return the review of a call that a mail tells and that has not come."""
    details = {
        "status": mail.status,
        "money": "" if mail.money is None else str(mail.money),
        "mail_id": str(mail.id),
        "occurred_at": timestamp(mail.occurred_at) if mail.occurred_at else None,
    }
    return Review(
        Reason.CALL_MISSING,
        mail.order_no,
        cycle,
        None,
        details,
        key=_missing_key(mail.id, mail.order_no, mail.status),
    )


def _missing_key(mail_id: UUID, order_no: str, status: str) -> str:
    return f"call_missing mail {order_no} {status} {mail_id}"


def _ends(found: Pairing) -> list[dict[str, Any]]:
    return [
        *(
            {"id": pair.mail.id, "state": MailState.MATCHED, "notice_id": pair.call.id}
            for pair in found.pairs
        ),
        *({"id": mail.id, "state": MailState.DISMISSED, "flags": [COPY]} for mail in found.copies),
        *({"id": mail.id, "state": MailState.DISMISSED, "flags": [OLD]} for mail in found.old),
        *(
            {"id": mail.id, "state": MailState.DISMISSED, "flags": [NOT_CALLED]}
            for mail in found.uncalled
        ),
        *({"id": mail.id, "state": MailState.MISSING} for mail in found.due),
    ]
