"""Zeus itself: takes applications, keeps slips, lets time pass, and calls about every change."""

import asyncio
import contextlib
import random
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from weakref import WeakValueDictionary

from app.simulator.mails.mailer import Mailer
from app.simulator.server.calls import CallMaker, query_of
from app.simulator.server.magic import Magic
from app.simulator.server.slips import new_slip
from app.simulator.state.clock import SimulatedClock
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import (
    CallNotFound,
    MadeCall,
    Slip,
    SlipNotFound,
    SlipStore,
    Timer,
)
from app.simulator.state.transitions import ActionNotAllowed, SlipAction, SlipState, state_after
from app.zeus.mails import JAPAN

TEST_MINUTES = 30
"""05 or 06 of a test comes within 30 minutes of 04 (manual, operational test)."""
_AFTER_PAYMENT = {"1": SlipAction.CONFIRM, "2": SlipAction.TAKE_BACK}
_TIMERS_IN_FLIGHT = 50


@dataclass(frozen=True, slots=True)
class Done:
    """An action that was carried out: the order, its call, and the order that replaced it."""

    slip: Slip
    call: MadeCall | None = None
    replacement: Slip | None = None


class SimulatedZeus:
    """One simulated Zeus. Timers fall due within `running`; all else happens on request."""

    def __init__(self, store: SlipStore, settings: SimulatorSettings) -> None:
        self.store = store
        self.settings = self._first_settings = settings
        self.clock = SimulatedClock(settings.clock.speed, not_before=store.latest_moment())
        self._tasks: set[asyncio.Task[None]] = set()
        self._due: set[asyncio.Task[None]] = set()
        self._slots = asyncio.Semaphore(_TIMERS_IN_FLIGHT)
        self._calls = CallMaker(store, self._begin, self._mail_lost_call)
        self.mailer = Mailer(store.mails)
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._changed = asyncio.Event()
        self._without_calls: set[str] = set()
        self._without_mails: set[str] = set()
        self.version = 0
        """Grows with every change, so that a page knows when to read again."""

    # Applications

    def accept(self, slip: Slip, magic: Magic | None = None) -> None:
        """Keep the order of an application, and begin the calls about it and what follows soon."""
        if magic and magic.calls_lost:
            self._without_calls.add(slip.order_no)
        if magic and magic.mails_lost:
            self._without_mails.add(slip.order_no)
        with self.store.transaction():
            self.store.add(slip)
            self._set_deadline(slip)
        self._begin(self._follow(slip, _soon(slip, magic)))
        self._note_change()

    def _set_deadline(self, slip: Slip) -> None:
        if slip.state is not SlipState.UNPAID:
            return
        last_day = datetime.strptime(slip.values["pay_limit"], "%Y%m%d").replace(tzinfo=JAPAN)
        self.store.add_timer(slip.order_no, last_day + timedelta(days=1), SlipAction.EXPIRE)

    async def _follow(self, slip: Slip, actions: tuple[SlipAction, ...]) -> None:
        async with self._lock(slip.order_no):
            await self._tell(slip)
        with contextlib.suppress(ActionNotAllowed, SlipNotFound):  # somebody was faster
            for action in actions:
                await self.act(slip.order_no, action)

    # Actions

    def _lock(self, order_no: str) -> asyncio.Lock:
        """Return the lock under which an order changes and is called about, in sequence."""
        return self._locks.setdefault(order_no, asyncio.Lock())

    async def act(self, order_no: str, action: SlipAction) -> Done:
        """Carry out `action` and return it when its call has been made.

        Raises:
            SlipNotFound: no order has this number.
            ActionNotAllowed: Zeus would not do this now.
        """
        async with self._lock(order_no):
            slip, replacement = self._carry_out(order_no, action)
            call = await self._tell(slip) if action is not SlipAction.STOP else None
        if replacement:
            async with self._lock(replacement.order_no):
                await self._tell(replacement)
        return Done(slip, call, replacement)

    def _carry_out(self, order_no: str, action: SlipAction) -> tuple[Slip, Slip | None]:
        before = self.slip(order_no)
        again = self.settings.pay_after_reversal
        state = state_after(before.state, action, stopped=before.stopped, pay_again=again)
        now = self.clock.now()
        with self.store.transaction():
            replacement = self._replacement(before, now) if action is SlipAction.REISSUE else None
            self.store.change(
                order_no,
                state,
                now,
                stopped=before.stopped or action is SlipAction.STOP,
                replaced_by=replacement.order_no if replacement else None,
            )
            if before.state is SlipState.UNPAID and state is SlipState.PAID:
                self._set_test_timer(before, now)
        self._note_change()
        return self.slip(order_no), replacement

    def _set_test_timer(self, slip: Slip, paid_at: datetime) -> None:
        """Let 05 or 06 of a test follow its 04 after up to 30 minutes."""
        if action := _AFTER_PAYMENT.get(slip.test_type or ""):
            minutes = random.uniform(1, TEST_MINUTES)  # noqa: S311 - invented time, no secret
            self.store.add_timer(slip.order_no, paid_at + timedelta(minutes=minutes), action)

    def _replacement(self, before: Slip, now: datetime) -> Slip:
        """Add the new order of a re-issue: another number, the same values (manual, 再発行)."""
        pages = before.values.get("pay_url", "").rpartition("/")[0]
        slip = new_slip(self.store.next_number(), before.values, self.settings, now, pages)
        self.store.add(slip)
        self._set_deadline(slip)
        return slip

    async def resend(self, order_no: str, n: int) -> MadeCall:
        """Make the call with number `n` once more, as staff do, and return the new one.

        Raises:
            SlipNotFound, CallNotFound: there is no such order or call.
        """
        self.slip(order_no)
        earlier = next((call for call in self.store.calls(order_no) if call.n == n), None)
        if earlier is None:
            raise CallNotFound(order_no, n)
        async with self._lock(order_no):
            call = await self._make(order_no, earlier.status, earlier.query)
            if call.outcome["lost"]:
                await self._mail_lost_call(order_no, call)
            return call

    def slip(self, order_no: str) -> Slip:
        """Return an order. Raises SlipNotFound."""
        slip = self.store.slip(order_no)
        if slip is None:
            raise SlipNotFound(order_no)
        return slip

    # Calls and mails

    async def _tell(self, slip: Slip) -> MadeCall | None:
        """Call and mail about the state of an order, whose lock is held, at the same time."""
        lost = slip.order_no in self._without_mails
        mails = self.mailer.tell_state(slip, self.clock.now(), self.settings, lost=lost)
        call, _ = await asyncio.gather(self._call(slip), mails)
        if call and call.outcome["lost"]:
            await self._mail_lost_call(slip.order_no, call)
        self._note_change()
        return call

    async def _mail_lost_call(self, order_no: str, call: MadeCall) -> None:
        """Send CGI送信エラー通知 (manual, CGI call)."""
        if order_no not in self._without_mails:
            slip, now = self.slip(order_no), self.clock.now()
            await self.mailer.tell_lost_call(slip, call.status, now, self.settings)
            self._note_change()

    async def _call(self, slip: Slip) -> MadeCall | None:
        """Call about the state of an order, whose lock is held.

        キャンセル and 番組停止 are never called, 02 and 03 only if ordered (manual, status table).
        """
        status = slip.state.status
        if status is None:
            return None
        query = query_of(slip.values, status, self.settings)
        if status.only_if_ordered and not self.settings.optional_statuses:
            return self._calls.skip(slip.order_no, status, query, self.clock.now(), "not_ordered")
        if slip.order_no in self._without_calls:
            return self._calls.drop(slip.order_no, status, query, self.clock.now())
        return await self._make(slip.order_no, status, query)

    async def _make(self, order_no: str, status: str, query: bytes) -> MadeCall:
        at = self.clock.now()
        call = await self._calls.make(order_no, status, query, at, self.settings)
        self._note_change()
        return call

    # Time

    def set_settings(self, settings: SimulatorSettings) -> None:
        """Go on under other settings."""
        if settings.clock.speed != self.clock.speed:
            self.clock.set_speed(settings.clock.speed)
        self.settings = settings
        self._note_change()

    async def idle(self) -> None:
        """Return when nothing is in flight: every call is made, and every mail is sent."""
        while self._tasks:
            await asyncio.gather(*self._tasks, return_exceptions=True)

    async def advance(self, by: timedelta) -> datetime:
        """Move the clock and return when everything that fell due has been done and called."""
        self.clock.advance(by)
        self._begin_due()
        while self._due:  # not asyncio.wait: it lets nothing else run when all are done already
            await asyncio.gather(*self._due, return_exceptions=True)
            self._begin_due()
        self._note_change()
        return self.clock.now()

    async def _run_timers(self) -> None:
        while True:
            self._begin_due()
            timer = self.store.next_timer()
            self._changed.clear()
            seconds = self.clock.real_seconds_until(timer.due_at) if timer else None
            with contextlib.suppress(TimeoutError):  # wait_for of Python 3.11 can lose a cancel
                async with asyncio.timeout(seconds):
                    await self._changed.wait()

    def _begin_due(self) -> None:
        for timer in self.store.take_due_timers(self.clock.now()):
            task = self._begin(self._act_by_time(timer))
            self._due.add(task)
            task.add_done_callback(self._due.discard)

    async def _act_by_time(self, timer: Timer) -> None:
        """Do what fell due, if it is still allowed: a slip that was paid does not expire."""
        async with self._slots:
            with contextlib.suppress(ActionNotAllowed, SlipNotFound):
                await self.act(timer.order_no, timer.action)

    def call(self, url: str) -> None:
        """Call this URL about orders from now on, also after a reset."""
        self.settings = self._first_settings = self.settings.model_copy(update={"call_url": url})

    def reset(self, *, settings: bool = False) -> None:
        """Forget every order and end what is in flight; with `settings` restore the first ones."""
        if settings:
            self.set_settings(self._first_settings)
        for task in self._tasks:
            task.cancel()
        self._without_calls.clear()
        self._without_mails.clear()
        self.mailer.reset()
        self._calls.reset()
        self.store.reset()
        self._note_change()

    def _begin(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    def _note_change(self) -> None:
        self.version += 1
        self._changed.set()

    @contextlib.asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Run the timers within this block, and end everything after it."""
        timers = asyncio.create_task(self._run_timers())
        try:
            yield
        finally:
            tasks = [timers, *self._tasks]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.mailer.close()
            self.store.close()


def _soon(slip: Slip, magic: Magic | None) -> tuple[SlipAction, ...]:
    """Return what follows an application: a test's 04, or what a magic value asks for."""
    if slip.test_type is not None:
        return (SlipAction.PAY,) if slip.test_type in _AFTER_PAYMENT else ()
    return magic.actions if magic else ()
