"""Alert sender: posts alerts to RELAY_ALERT_URL as JSON that Slack and similar services accept.

It serves sites without Prometheus.
"""

import asyncio
import json
import ssl
import time
from datetime import datetime, timedelta
from functools import cache
from pathlib import Path

from app.clock import now
from app.db.engine import Sessions
from app.db.singleton_lock import SingletonLock
from app.db.snapshot import snapshot
from app.forwarding.destinations.http.proxy import ANYWHERE
from app.logs import get_logger
from app.metrics import alerts_posted
from app.network.address_rules import exact_url
from app.network.http.connection import Answer
from app.network.http.failures import HttpFailure
from app.network.http.one_post import post
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver, system_lookup
from app.operations.monitoring.alert_conditions import (
    SPOOL_KEYS,
    AlertCondition,
    AttentionSummary,
    alert_conditions,
    conditions_of_database,
    conditions_without_database,
)
from app.operations.monitoring.alert_messages import Alerts
from app.operations.monitoring.alert_state import AlertState, name_of, read_state, write_state
from app.operations.monitoring.collector import Measured
from app.operations.monitoring.snapshot import Snapshot, latest_dead, latest_notices
from app.recording.spool.status import SpoolMeter, SpoolState

LOCK_KEY = 7_236_405_906
POST_SECONDS = 10.0
BETWEEN_POSTS = timedelta(minutes=1)
LINES = 20
"""Most messages of one post."""
WAITING = 200
"""Most messages that wait while posts fail. Older ones are dropped."""
_IDS = 5

log = get_logger("alerts")


class Alerting:
    """Job of the watch that sends alerts. A lock lets one process send at a time."""

    def __init__(
        self,
        url: str,
        sessions: Sessions,
        lock: SingletonLock,
        spool: Path | None = None,
        *,
        between_posts: timedelta = BETWEEN_POSTS,
        lookup: Lookup = system_lookup,
    ) -> None:
        """`url` receives the posts. `lookup` replaces the system's resolver.

        `spool` is the spool's directory if this process shares it with a receiver.
        """
        self._resolver = VettingResolver(ANYWHERE, lookup)
        self._url = url
        self._name = name_of(url)
        self._sessions = sessions
        self._lock = lock
        self._spool = spool
        self._meter = SpoolMeter(spool) if spool else None
        self._between_posts = between_posts.total_seconds()
        self._alerts = Alerts()
        self._waiting: list[str] = []
        self._stored = True
        self._posted_at: float | None = None
        self._ours = False
        self._away_since: datetime | None = None
        self._conditions: list[AlertCondition] = []

    async def __call__(self, measured: Measured | None) -> None:
        """Send the messages that this measurement causes. Raise the errors of the database.

        While the database is away, the process that held the lock keeps sending: the lock cannot be
        checked, and alerts matter most then.
        """
        if measured is None:
            self._away_since = self._away_since or now()
        else:
            self._away_since = None
            await self._check_lock()
            self._conditions = await self._read_conditions(measured) if self._ours else []
        if self._ours:
            await self._update(measured.snapshot.at if measured else now())

    async def _check_lock(self) -> None:
        """Record if this process holds the lock. A process that takes over loads the state."""
        ours = await self._lock.is_ours()
        if ours and not self._ours:
            state = await read_state(self._sessions, self._name)
            self._alerts, self._waiting, self._stored = Alerts(state.sent), state.waiting, True
        self._ours = ours

    async def _update(self, moment: datetime) -> None:
        away = moment - self._away_since if self._away_since else timedelta(0)
        spool = await asyncio.to_thread(self._look_at_spool)
        conditions = [*conditions_without_database(spool, away), *self._conditions]
        lines = self._alerts.update(conditions, moment, unseen=SPOOL_KEYS if spool is None else ())
        self._waiting = (self._waiting + lines)[-WAITING:]
        self._stored = self._stored and not lines
        await self._store()
        if self._waiting and (
            self._posted_at is None or time.monotonic() - self._posted_at >= self._between_posts
        ):
            self._posted_at = time.monotonic()
            await self._post_some()
            await self._store()

    async def _store(self) -> None:
        """Store changed state for the next process. While the database is away, postpone it."""
        if not self._stored and self._away_since is None:
            state = AlertState(self._alerts.sent, self._waiting)
            await write_state(self._sessions, self._name, state)
            self._stored = True

    async def close(self) -> None:
        """Release the lock, so that another process can send."""
        await self._lock.release()

    async def _read_conditions(self, measured: Measured) -> list[AlertCondition]:
        found = alert_conditions(
            measured.snapshot, measured.expectation, await self._attention(measured.snapshot)
        )
        return found + conditions_of_database(measured.oldest_transactions, measured.slots)

    async def _attention(self, current: Snapshot) -> AttentionSummary:
        if not (current.quarantined or current.conflicts or current.dead):
            return AttentionSummary()
        async with snapshot(self._sessions) as session:
            return AttentionSummary(
                tuple(await latest_notices(session, "quarantined", _IDS)),
                tuple(await latest_notices(session, "conflict", _IDS)),
                tuple(await latest_dead(session, _IDS)),
            )

    def _look_at_spool(self) -> SpoolState | None:
        if self._meter is None or self._spool is None or not self._spool.is_dir():
            return None
        return self._meter.measure()

    async def _post_some(self) -> None:
        lines = self._waiting[:LINES]
        failure = await _post(
            self._resolver, self._url, "\n".join(f"zeus-relay: {line}" for line in lines)
        )
        alerts_posted.labels("failed" if failure else "taken").inc()
        if failure is None:
            del self._waiting[: len(lines)]
            self._stored = False
        else:
            log.warning("alert_not_sent", error=failure, waiting=len(self._waiting))


@cache
def _tls() -> ssl.SSLContext:
    """Return the context that trusts the system's certificates; to read them takes a while."""
    return ssl.create_default_context()


async def _post(resolver: VettingResolver, url: str, text: str) -> str | None:
    """Post the text. Return None if it was accepted, or the reason if not.

    The reason never contains the URL, which is a secret with Slack and similar services. As with
    webhooks, the status line decides: a broken rest of the answer causes no second post. The
    resolver has its own threads, because a silent name server must not block those of the event
    loop, which the database's name needs.
    """
    failure, answer = "no answer", Answer(0)
    try:
        await post(
            exact_url(url),
            {"Content-Type": "application/json"},
            json.dumps({"text": text}).encode(),
            answer,
            resolver=resolver,
            tls=_tls(),
            seconds=POST_SECONDS,
        )
    except (HttpFailure, OSError, ValueError) as error:  # a TimeoutError is an OSError
        failure = type(error).__name__
    if answer.status is None:
        return failure
    return None if answer.status < 300 else f"answered {answer.status}"
