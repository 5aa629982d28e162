"""Sending alerts to RELAY_ALERT_URL, for sites without Prometheus, as JSON that Slack and its like take."""

import asyncio
import time
from datetime import datetime, timedelta
from pathlib import Path

import aiohttp

from app.clock import now
from app.db.engine import Sessions
from app.db.singleton_lock import SingletonLock
from app.db.snapshot import snapshot
from app.forwarding.destinations.http.answer import Answer, AnswerConnector, hearing
from app.forwarding.destinations.http.proxy import ANYWHERE
from app.logs import get_logger
from app.metrics import alerts_posted
from app.network.address_rules import exact_url
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
from app.operations.monitoring.alert_state import Memory, keep, name_of, recall
from app.operations.monitoring.collector import Measured
from app.operations.monitoring.snapshot import Snapshot, latest_dead, latest_notices
from app.recording.spool.status import SpoolMeter, SpoolState

LOCK_KEY = 7_236_405_906
POST_SECONDS = 10.0
BETWEEN_POSTS = timedelta(minutes=1)
LINES = 20
"""How many messages one post holds."""
WAITING = 200
"""How many messages wait at most while the URL does not take them; the oldest are dropped then."""
_IDS = 5

log = get_logger("alerts")


class Alerting:
    """A job of the watch: of all processes that have one, one at a time sends."""

    def __init__(
        self,
        url: str,
        sessions: Sessions,
        sole: SingletonLock,
        spool: Path | None = None,
        *,
        between_posts: timedelta = BETWEEN_POSTS,
        lookup: Lookup = system_lookup,
    ) -> None:
        """`url` takes the posts; `spool` is the spool's directory, if this process shares it with a receiver.

        `lookup` stands in for the system's resolver.
        """
        self._resolver = VettingResolver(ANYWHERE, lookup)
        self._url = url
        self._name = name_of(url)
        self._sessions = sessions
        self._sole = sole
        self._spool = spool
        self._meter = SpoolMeter(spool) if spool else None
        self._between_posts = between_posts.total_seconds()
        self._alerts = Alerts()
        self._waiting: list[str] = []
        self._kept = True
        self._posted_at: float | None = None
        self._ours = False
        self._away_since: datetime | None = None
        self._shown: list[AlertCondition] = []

    async def __call__(self, measured: Measured | None) -> None:
        """Send what there is to say after this measurement. Raises what the database raises.

        While the database is away, who sent before goes on: the lock cannot be asked for, and that is when alerts matter most.
        """
        if measured is None:
            self._away_since = self._away_since or now()
        else:
            self._away_since = None
            await self._see_whether_ours()
            self._shown = await self._conditions(measured) if self._ours else []
        if self._ours:
            await self._say(measured.standing.at if measured else now())

    async def _see_whether_ours(self) -> None:
        """Whether this process is the one that sends. One that takes over goes on from what was told before it."""
        ours = await self._sole.is_ours()
        if ours and not self._ours:
            memory = await recall(self._sessions, self._name)
            self._alerts, self._waiting, self._kept = Alerts(memory.told), memory.waiting, True
        self._ours = ours

    async def _say(self, moment: datetime) -> None:
        away = moment - self._away_since if self._away_since else timedelta(0)
        spool = await asyncio.to_thread(self._look_at_spool)
        concerns = [*conditions_without_database(spool, away), *self._shown]
        said = self._alerts.update(concerns, moment, unseen=SPOOL_KEYS if spool is None else ())
        self._waiting = (self._waiting + said)[-WAITING:]
        self._kept = self._kept and not said
        await self._keep()
        if self._waiting and (
            self._posted_at is None or time.monotonic() - self._posted_at >= self._between_posts
        ):
            self._posted_at = time.monotonic()
            await self._post_some()
            await self._keep()

    async def _keep(self) -> None:
        """Remember what was told, for whoever comes after; while the database is away that has to wait."""
        if not self._kept and self._away_since is None:
            await keep(self._sessions, self._name, Memory(self._alerts.told, self._waiting))
            self._kept = True

    async def close(self) -> None:
        """Let another process send."""
        await self._sole.release()

    async def _conditions(self, measured: Measured) -> list[AlertCondition]:
        seen = alert_conditions(
            measured.standing, measured.expectation, await self._attention(measured.standing)
        )
        return seen + conditions_of_database(measured.oldest_transactions, measured.slots)

    async def _attention(self, standing: Snapshot) -> AttentionSummary:
        if not (standing.quarantined or standing.conflicts or standing.dead):
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
            self._kept = False
        else:
            log.warning("alert_not_sent", error=failure, waiting=len(self._waiting))


async def _post(resolver: VettingResolver, url: str, text: str) -> str | None:
    """Post, and return None if it was taken, or why not. The reason never holds the URL, which is a secret with Slack and its like.

    As with webhooks, a status line that has come decides: what was taken is not posted again because the rest of the answer is broken.
    The resolver has threads of its own: a silent name server must not hold those of the event loop, which the database's name needs.
    """
    failure = "no answer"
    with hearing() as heard:
        try:
            async with (
                aiohttp.ClientSession(
                    timeout=aiohttp.ClientTimeout(total=POST_SECONDS),
                    connector=AnswerConnector(resolver=resolver),
                    response_class=Answer,
                    cookie_jar=aiohttp.DummyCookieJar(),
                ) as client,
                client.post(exact_url(url), json={"text": text}, allow_redirects=False),
            ):
                pass
        except (aiohttp.ClientError, OSError, ValueError) as error:  # a TimeoutError is an OSError
            failure = type(error).__name__
    if heard.status is None:
        return failure
    return None if heard.status < 300 else f"answered {heard.status}"
