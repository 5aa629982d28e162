"""Matching: mails wait for their calls; after the grace, the lost ones are told or made up for."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field, replace
from datetime import timedelta
from time import monotonic
from typing import Final, Literal
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.db.notify import NOTICES
from app.db.sqlstates import is_data_error
from app.judging import sql
from app.judging.outcome import JudgedBatch
from app.logs import get_logger
from app.mailbox import rows
from app.mailbox.findings import Findings
from app.mailbox.healing import HealingRules, count_outcome, heal
from app.mailbox.pairing import Pairing, ReadMail, find_pairs, with_payments_after
from app.mailbox.states import MailState
from app.metrics import mails_paired

MailMode = Literal["off", "observe", "heal"]
_HEALED_AT_ONCE: Final = 50
_START: Final = UUID(int=0)
_REST_S: Final = 600

log = get_logger("mails")


@dataclass(frozen=True, slots=True)
class MatchingRules:
    """What a mail does whose call has not come within the `grace`."""

    mode: MailMode
    grace: timedelta
    healing: HealingRules


@dataclass(slots=True)
class Matching:
    """Matches mails and calls. Any number may run: they share the locks of judging."""

    sessions: Sessions
    rules: MatchingRules
    on_events: Callable[[], None]
    clock: Callable[[], float] = monotonic
    _rests_until: float = float("-inf")
    _after: dict[MailState, UUID] = field(default_factory=dict)

    async def run_pass(self) -> bool:
        """Look at the next page of waiting and of missing mails; return True if more follow.

        Mails of orders that are judged at this moment are left for the next pass. Without a mail
        nothing else is read.
        """
        use = self.rules.healing.policy.mails
        if not use.in_use:
            use.in_use = await rows.any_mail(self.sessions)
        if not use.in_use:
            return False
        waiting = await self._look_at_waiting()
        missing = await self._look_at(MailState.MISSING)
        async with self.sessions.begin() as session:
            await rows.settle_failed_calls(session)
        return waiting or missing

    async def _look_at_waiting(self) -> bool:
        """Look at the next page of waiting mails; in `off` rest after the last one.

        There a mail whose call never comes waits for ever, so that they get ever more.
        """
        if self.clock() < self._rests_until:
            return False
        has_more = await self._look_at(MailState.WAITING)
        if self.rules.mode == "off" and not has_more:
            self._rests_until = self.clock() + _REST_S
        return has_more

    async def _look_at(self, state: MailState) -> bool:
        """Handle the next page of a state; return True if another page follows."""
        async with self.sessions.begin() as session:
            page = await rows.open_page(session, state, self._after.get(state, _START))
            if state is MailState.MISSING:
                await rows.dismiss_decided(session, [mail_id for mail_id, _ in page])
            found = await self._find(session, {order_no for _, order_no in page})
        is_full = len(page) == rows.PAGE
        self._after[state] = page[-1][0] if is_full else _START
        if settled := {mail.order_no for mail in self._to_settle(found)}:
            await self._settle(settled)
        if self.rules.mode == "heal" and found.due:
            await self._heal_all([mail.order_no for mail in found.due])
        return is_full

    def _to_settle(self, found: Pairing) -> Iterable[ReadMail]:
        yield from (pair.mail for pair in found.pairs)
        yield from found.copies
        if self.rules.mode != "off":
            yield from found.old
        if self.rules.mode == "observe":
            yield from found.due
            yield from found.uncalled

    async def _find(self, session: AsyncSession, order_nos: Collection[str]) -> Pairing:
        if not order_nos:
            return Pairing([], [], [])
        mails = await rows.read_mails(session, order_nos, self.rules.grace)
        found = find_pairs(mails, await rows.read_calls(session, order_nos))
        return await self._without_uncalled(session, found)

    async def _without_uncalled(self, session: AsyncSession, found: Pairing) -> Pairing:
        """In `observe`, miss no call that Zeus does not make. To heal, its mail is good enough."""
        if self.rules.mode != "observe" or not found.due_if_ordered:
            return found
        if await rows.calls_for_failures(session):
            return found
        uncalled = found.due_if_ordered
        return replace(
            found, due=[mail for mail in found.due if mail not in uncalled], uncalled=uncalled
        )

    async def _settle(self, order_nos: Collection[str]) -> None:
        """Write pairs and copies, and in `observe` the reviews of missing calls.

        A call that waits to be judged may be the missing one: its lane comes later.
        """
        async with self.sessions.begin() as session:
            held = await sql.lock_more_lanes(session, {lane_of(number) for number in order_nos})
            ours = {number for number in order_nos if lane_of(number) in held}
            idle = await sql.lock_idle_lanes(session, held)
            found = await self._find(session, ours)
            findings = Findings(self.rules.healing)
            due = found.due if self.rules.mode == "observe" else ()
            old = found.old if self.rules.mode != "off" else ()
            found = replace(
                found,
                due=[mail for mail in due if lane_of(mail.order_no) in idle],
                old=[mail for mail in old if lane_of(mail.order_no) in idle],
                uncalled=[mail for mail in found.uncalled if lane_of(mail.order_no) in idle],
            )
            outcome = await findings.write(session, found)
            await session.execute(text(f"NOTIFY {NOTICES}"))  # for judges that passed over a lane
        _report(found)
        self._tell(outcome)

    async def _heal_all(self, order_nos: Collection[str]) -> None:
        waiting = sorted(set(order_nos))
        for start in range(0, len(waiting), _HEALED_AT_ONCE):
            orders = waiting[start : start + _HEALED_AT_ONCE]
            try:
                await self._heal(orders)
            except DBAPIError as error:
                if not is_data_error(error):
                    raise
                log.error("healing_refused", error=describe_error(error))
                await self._heal_apart(orders)

    async def _heal(self, order_nos: Collection[str]) -> None:
        """Heal the mails of these orders that are due, the oldest of an order first."""
        async with self.sessions.begin() as session:
            idle = await sql.lock_idle_lanes(session, {lane_of(number) for number in order_nos})
            ours = {number for number in order_nos if lane_of(number) in idle}
            mails = await rows.read_mails(session, ours, self.rules.grace)
            found = find_pairs(mails, await rows.read_calls(session, ours))
            due = [mail.id for mail in with_payments_after(found.due, mails)]
            made, outcome = await heal(session, due, self.rules.healing)
            await session.execute(text(f"NOTIFY {NOTICES}"))
        for mail_id, notice_id in made.items():
            mails_paired.labels(MailState.HEALED).inc()
            log.info("mail_healed", mail_id=str(mail_id), notice_id=str(notice_id))
        self._tell(outcome)

    def _tell(self, outcome: JudgedBatch) -> None:
        count_outcome(outcome)
        if outcome.events:
            self.on_events()

    async def _heal_apart(self, order_nos: Collection[str]) -> None:
        """Heal order by order; the mails of one that the database refuses wait for a human."""
        for order_no in order_nos:
            try:
                await self._heal([order_no])
            except DBAPIError as error:
                if not is_data_error(error):
                    raise
                async with self.sessions.begin() as session:
                    found = await self._find(session, [order_no])
                    ends = [
                        {"id": mail.id, "state": MailState.UNREADABLE, "flags": ["unwritable"]}
                        for mail in found.due
                    ]
                    await rows.write_ends(session, ends)


def _report(found: Pairing) -> None:
    for outcome, mails in (
        (MailState.MATCHED, [pair.mail for pair in found.pairs]),
        (MailState.MISSING, found.due),
        (rows.COPY, found.copies),
        (rows.OLD, found.old),
        (rows.NOT_CALLED, found.uncalled),
    ):
        mails_paired.labels(outcome).inc(len(mails))
        for mail in mails:
            log.debug("mail_paired", mail_id=str(mail.id), outcome=str(outcome))
