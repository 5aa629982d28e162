"""Times of judging: never before the call came."""

import asyncio

from sqlalchemy import text

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.lanes import lane_of
from tests.judging.judging_setup import fetch, judge_of

_LOCK_WAITERS = text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND wait_event_type = 'Lock'"
)


async def test_a_call_that_comes_after_the_transaction_began_is_judged_after_it_came(
    sessions: Sessions,
) -> None:
    async with sessions.begin() as other:
        await other.execute(text("LOCK TABLE notices"))
        judging = asyncio.create_task(judge_of(sessions).judge_batch())
        async with asyncio.timeout(20), sessions() as watching:
            while not await watching.scalar(_LOCK_WAITERS):
                await watching.rollback()  # within a transaction the view stays as first read
                await asyncio.sleep(0.01)
        await other.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body)
                    VALUES (:id, :lane, :at, '127.0.0.1', 'GET', '/?order_no=N-1&status=04', '',
                      '')"""),
            {"id": uuid7(), "lane": lane_of("N-1"), "at": now()},
        )
    assert await judging == 1
    [times] = await fetch(
        sessions,
        """SELECT received_at <= judged_at, received_at <= orders.created_at,
              received_at <= orders.updated_at
           FROM notices JOIN orders USING (order_no)""",
    )
    assert times == (True, True, True)
