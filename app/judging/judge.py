"""Judge: locks lanes, reads known orders, applies the rules in order of arrival, and writes
everything in one transaction.
"""

from collections import Counter
from collections.abc import AsyncIterator, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from datetime import timedelta

from app.db.connections import describe_error
from app.db.driver.direct import Statements, direct_transaction
from app.db.engine import Sessions
from app.db.lanes import LANES, lane_of
from app.db.sqlstates import is_data_error
from app.forwarding.immediate_leases import ImmediateLeases, LeasedNow, without_leases
from app.judging import sql
from app.judging.batch import TakenNotice, decide, known_before, write
from app.judging.lanes.fairness import Fairness
from app.judging.lanes.lane_bounds import LaneBounds
from app.judging.outcome import JudgedBatch
from app.judging.policy import Policy
from app.judging.refused import write_apart
from app.judging.sql import UnjudgedNotice
from app.judging.verdicts import Verdict
from app.logs import get_logger
from app.metrics import events_created, notices_judged
from app.tracing import spans

BATCH = 128
"""Notices of a lane in a batch."""
CAREFUL_BATCH = 32
"""Notices of a lane in which the database refused some in the last batch.

Finding those takes longer.
"""

log = get_logger("judging")


class Judge:
    """Judges unjudged notices.

    Any number may run: each batch holds an advisory lock on its lanes.
    """

    def __init__(
        self,
        sessions: Sessions,
        policy: Policy | Collection[str],
        on_events: Callable[[], None],
        *,
        first_wait: timedelta = timedelta(0),
        leases: ImmediateLeases | None = None,
    ) -> None:
        """`on_events` is called after a commit with events of which somebody has to be told.

        A `policy` of IPコード alone leaves the rest as usual. `first_wait` delays the first
        delivery of events. `leases` give room for webhooks that are sent without a claim.
        """
        self._sessions = sessions
        self._policy = policy if isinstance(policy, Policy) else Policy(frozenset(policy))
        self._on_events = on_events
        self._first_wait = first_wait
        self._leases = leases or without_leases()
        self._fairness = Fairness()
        self._suspect: set[int] = set()
        self._suspect_first = False
        self._bounds = LaneBounds()
        self.has_finished = False
        """Whether the last batch judged all that was there: the next notices are notified."""

    async def judge_batch(self) -> int:
        """Judge one batch and return its number of notices.

        0 if nothing is left that others do not judge.

        Lanes in which the database refused a notice take turns with the others, so that these do
        not wait while refused notices are found.
        """
        self.has_finished = False
        if not self._suspect:
            return await self._judge(range(LANES))
        self._suspect_first = not self._suspect_first
        suspect, others = sorted(self._suspect), sorted(set(range(LANES)) - self._suspect)
        if self._suspect_first:
            return await self._judge_apart(suspect, CAREFUL_BATCH) or await self._judge(others)
        return await self._judge(others) or await self._judge_apart(suspect, CAREFUL_BATCH)

    async def _judge(self, among: Collection[int]) -> int:
        lanes: Collection[int] = ()
        try:
            async with self._transaction() as (session, leased_now):
                found = await sql.take_notices(session, among, self._bounds, BATCH)
                if not found.notices:
                    return 0
                lanes = found.lanes
                behind = await self._fairness.behind_crowded(session, found.notices, BATCH)
                taken = await self._ours(session, lanes, [*found.notices, *behind])
                ours, known = await known_before(session, taken, self._policy)
                if len(ours) < len(taken):
                    self._fairness.restart()
                outcome = decide(ours, known, self._policy)
                await write(session, outcome, self._first_wait, leased_now)
        except BaseException as error:
            self._fairness.restart()
            if not is_data_error(error):
                raise
            log.error("batch_failed", error=describe_error(error))
            return await self._judge_apart(lanes, BATCH)
        is_whole = len(among) == LANES and len(outcome.verdicts) == len(found.notices)
        self.has_finished = is_whole and found.are_all
        self._report(outcome)
        if outcome.events and not leased_now.tells_nobody:
            self._on_events()
        return len(outcome.verdicts)

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[tuple[Statements, LeasedNow]]:
        with self._leases.transaction() as leased_now:
            async with direct_transaction(self._sessions) as session:
                yield session, leased_now

    async def _judge_apart(self, among: Collection[int], limit: int) -> int:
        """Find the notices of a refused batch that cannot be written, and quarantine them."""
        async with direct_transaction(self._sessions) as session:
            found = await sql.take_notices(session, among, self._bounds, limit)
            lanes = found.lanes
            taken = await self._ours(session, lanes, found.notices)
            outcome, refused = await write_apart(session, taken, self._policy, self._first_wait)
        self._suspect.difference_update(lanes)
        self._suspect.update(one.notice.lane for one in refused)
        self._report(outcome)
        if outcome.events:
            self._on_events()
        return len(outcome.verdicts)

    async def _ours(
        self, session: Statements, lanes: Collection[int], notices: Sequence[UnjudgedNotice]
    ) -> list[TakenNotice]:
        """Return the notices whose orders no other worker judges.

        A receiver of an older version chose the lane by the number's spelling. The lane of its
        canonical form is locked too; what another worker holds is left for later.
        """
        taken = [TakenNotice.of(notice) for notice in notices]
        right_lanes = {lane_of(one.call.order_no) for one in taken if one.call.order_no}
        held = {*lanes, *await sql.lock_more_lanes(session, right_lanes - {*lanes})}
        ours = [one for one in taken if not one.call.order_no or lane_of(one.call.order_no) in held]
        if len(ours) < len(taken):
            self._fairness.restart()
        return ours

    def _report(self, outcome: JudgedBatch) -> None:
        for verdict, count in Counter(row["verdict"] for row in outcome.verdicts).items():
            notices_judged.labels(verdict).inc(count)
        for event_type, count in Counter(row["type"] for row in outcome.events).items():
            events_created.labels(event_type).inc(count)
        for event in outcome.events:
            log.debug(
                "event_made",
                event_id=str(event["id"]),
                notice_id=str(event["notice_id"]),
                type=event["type"],
            )
        for row in outcome.verdicts:
            log.debug("notice_judged", notice_id=str(row["id"]), verdict=row["verdict"])
            spans.judged(row["id"], outcome.began_ns, {"verdict": str(row["verdict"])})
            if row["verdict"] in (Verdict.QUARANTINED, Verdict.CONFLICT):
                log.warning(
                    "needs_attention",
                    notice_id=str(row["id"]),
                    verdict=row["verdict"],
                    reasons=row["reasons"],
                )
