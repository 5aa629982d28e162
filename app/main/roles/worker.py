"""Worker role: judges notices and delivers webhooks."""

import asyncio
from datetime import timedelta
from functools import partial

from app.applications.due import DueApplications
from app.applications.reference_keys import StoredReferenceKeys
from app.crypto.vault import Vault
from app.db.checks.database import demand_usable
from app.db.connections import HELD_TO_INDEXES
from app.db.engine import make_engine, make_sessions
from app.db.notify import NOTICES, OUTBOUND, NotifyListener, Waker
from app.forwarding.forwarder import Forwarder
from app.forwarding.options import ForwardingOptions
from app.judging.judge import Judge
from app.judging.policy import policy_of
from app.judging.timers import TimerOptions, Timers
from app.logs import get_logger
from app.main.process.priority import let_receivers_go_first
from app.main.process.roles import run_roles, with_background
from app.main.roles.declared_subscribers import declare_subscribers
from app.main.roles.health import with_health
from app.main.roles.mails import mail_loop, mailbox_reader
from app.main.roles.reference_keys import keep_reference_keys
from app.operations.access.generated_keys import secret_keys_of, vault_of
from app.reconciliation.progress import reconcile_forever
from app.recording.spool.drainer import Drainer
from app.settings import Settings
from app.worker.housekeeping import Housekeeping
from app.worker.judging_loop import JudgingLoop
from app.worker.timer_loop import TimerLoop

POOL_SIZE = 11
"""Pooled connections of a worker: one judges, two have timers, one reconciles, one reads mails, one
matches them, five claim, park, record and move bounds."""

log = get_logger("main")


class WorkerRole:
    """Judging and forwarding in one process.

    It also drains the spool files of a receiver that is gone, if they share the directory.
    """

    name = "worker"

    def __init__(self, settings: Settings, url: str, vault: Vault) -> None:
        """Build judging and forwarding; no connection is made yet."""
        self._engine = make_engine(
            url, pool_size=POOL_SIZE, application="zeus-relay worker", planner=HELD_TO_INDEXES
        )
        sessions = make_sessions(self._engine)
        self._listener = NotifyListener(url, (NOTICES, OUTBOUND), passes_own=True)
        self._waker = Waker(url, OUTBOUND)
        self._forwarder = Forwarder(sessions, vault, self._listener, ForwardingOptions.of(settings))
        policy = policy_of(settings, StoredReferenceKeys(vault, secret_keys_of(settings)))
        judge = Judge(
            sessions,
            policy,
            on_events=self._wake_forwarding,
            first_wait=settings.retry_schedule[0],
            leases=self._forwarder.immediate_leases,
        )
        timers = Timers(sessions, _timer_options(settings), self._wake_forwarding)
        self._timers = TimerLoop(timers)
        self._mails = mail_loop(settings, sessions, policy, self._wake_forwarding)
        self._mailbox = mailbox_reader(settings, sessions, url)
        self._applications = TimerLoop(DueApplications(sessions, settings.application_due))
        self._judging = JudgingLoop(judge, self._listener)
        self._drainer = Drainer(
            url, settings.spool_path, on_commit=lambda: self._listener.wake(NOTICES)
        )
        self._housekeeping = Housekeeping(
            sessions,
            personal_data=_age(settings.personal_data_days),
            history=_age(settings.history_days),
        )
        self._reconciling = partial(reconcile_forever, sessions, settings.notify_path)
        self._keep_keys = partial(keep_reference_keys, settings, sessions, vault)

    def wake_judging(self) -> None:
        """Judge now: a notice of this process is recorded."""
        self._listener.wake(NOTICES)

    def stop(self) -> None:
        """Finish the current batch of judging and the sends in flight."""
        self._judging.stop()
        self._forwarder.stop()

    async def run(self) -> None:
        """Judge and forward until stopped."""
        log.info("working")
        try:
            await with_background(
                self._work(),
                self._listener.run(),
                self._waker.run(),
                self._housekeeping.run(),
                self._timers.run(),
                self._mails.run(),
                *([self._mailbox.run()] if self._mailbox else []),
                self._applications.run(),
                self._reconciling(),
                self._drainer.run(),
                self._keep_keys(),
            )
        finally:
            await self._engine.dispose()

    async def _work(self) -> None:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._judging.run())
            group.create_task(self._forwarder.run())

    def _wake_forwarding(self) -> None:
        """Wake our own forwarder directly, and those of other workers by NOTIFY."""
        self._listener.wake(OUTBOUND)
        self._waker.wake()


def _timer_options(settings: Settings) -> TimerOptions:
    return TimerOptions(
        settings.expiry_grace,
        settings.confirmation_due,
        policy_of(settings),
        settings.retry_schedule[0],
    )


def _age(days: int) -> timedelta | None:
    return timedelta(days=days) if days else None


async def run_work(settings: Settings, url: str) -> None:
    """Run a worker alone."""
    let_receivers_go_first()
    vault = vault_of(settings)
    await demand_usable(url, "work")
    await declare_subscribers(settings, url, vault)
    await run_roles(with_health(settings, [WorkerRole(settings, url, vault)]))
