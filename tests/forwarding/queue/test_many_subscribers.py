"""Cost of delivery's statements with a thousand subscribers: no join compares all with all."""

import re
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import pytest
from sqlalchemy import TextClause

from app.clock import uuid7
from app.db.connections import HELD_TO_INDEXES, Connection, connect
from app.forwarding.queue.array_lookup import array_text
from app.forwarding.queue.claims import CLAIM, Busy, claim
from app.forwarding.queue.due_bounds import FIRST_DUE
from app.forwarding.queue.order_sequence import PARK
from tests.forwarding.delivery_setup import DeliverySetup
from tests.forwarding.queue.test_claims import HOLD, LEASE, URL
from tests.forwarding.queue.test_plans import PARAMETERS, numbered

MANY = 1_000
COPIES = """
INSERT INTO subscribers (id, name, url, customer, state, capped_at, rate_limit)
SELECT id, id::text, 'https://shop.example/hooks', false, 'active', $2, $3
FROM unnest($1::uuid[]) AS id
"""
PENDING = """
INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence)
SELECT $2, id, 'order', 1 FROM unnest($1::uuid[]) AS id
"""


@pytest.fixture
async def connection(database_url: str) -> AsyncIterator[Connection]:
    """Connection with a worker's settings."""
    made = await connect(database_url, planner=HELD_TO_INDEXES)
    yield made
    await made.close()


async def removed_by_joins(connection: Connection, statement: TextClause, **values: Any) -> int:
    """Return the number of row pairs that the joins of a statement compared in vain."""
    query, names = numbered(statement)
    parameters = {**PARAMETERS, **values}
    async with connection.transaction():
        lines = await connection.fetch(
            f"EXPLAIN (ANALYZE) {query}", *[parameters[name] for name in names]
        )
    return sum(
        int(found[1])
        for line in lines
        if (found := re.search(r"Rows Removed by Join Filter: (\d+)", line[0]))
    )


@pytest.mark.parametrize("rate_limit", [None, 50])
@pytest.mark.parametrize("capped", [False, True])
@pytest.mark.parametrize("name", ["claim", "park", "first due"])
async def test_no_statement_compares_all_subscribers_with_all(
    setup: DeliverySetup, connection: Connection, name: str, capped: bool, rate_limit: int | None
) -> None:
    event_id = await setup.event()
    ids = [uuid7() for _ in range(MANY)]
    await connection.execute(COPIES, ids, datetime.now(UTC) if capped else None, rate_limit)
    await connection.execute(PENDING, ids, event_id)
    await connection.execute("ANALYZE subscribers, outbound_webhooks")
    start = [datetime(1970, 1, 1, tzinfo=UTC)] * MANY
    removed = await removed_by_joins(
        connection,
        {"claim": CLAIM, "park": PARK, "first due": FIRST_DUE}[name],
        capped=capped,
        busy_ids=array_text(ids),
        in_flight=array_text([0] * MANY),
        retries=array_text([0] * MANY),
        allowed=array_text([10] * MANY),
        ahead=array_text([0] * MANY),
        bound_ids=array_text(ids),
        bound_first_attempts=array_text(start),
        bound_retries=array_text(start),
    )
    assert removed < 10 * MANY


@pytest.mark.parametrize("order", [1, -1])
async def test_each_subscriber_gets_its_own_limits_and_not_anothers(
    setup: DeliverySetup, order: int
) -> None:
    ids = [(await setup.subscriber(URL))[0] for _ in range(5)]
    for _ in range(4):
        await setup.event()
    busy = [Busy(uuid4(), 0, 0)] + [
        Busy(subscriber_id, in_flight=number, allowed=4)
        for number, subscriber_id in enumerate(ids[:4])
    ]
    async with setup.sessions.begin() as session:
        taken = await claim(session, limit=200, busy=busy[::order], lease=LEASE, order_hold=HOLD)
    counts: dict[UUID, int] = dict.fromkeys(ids, 0)
    for webhook in taken:
        counts[webhook.target.subscriber_id] += 1
    assert list(counts.values()) == [4, 3, 2, 1, 4]
