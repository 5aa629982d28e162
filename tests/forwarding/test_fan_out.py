"""Fan-out: one webhook per event for each subscriber of its type, paused ones included."""

from datetime import UTC, datetime
from uuid import UUID

import pytest
from sqlalchemy import text

from app.clock import uuid7
from app.db.engine import Sessions
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow
from app.forwarding.fan_out import EventUnknown, enqueue
from tests.forwarding.stored_events import fan_out


async def _event(
    sessions: Sessions,
    event_type: str,
    order_no: str | None = "1234-56789-01234",
    sequence: int | None = 1,
) -> UUID:
    row = EventRow(
        id=uuid7(),
        type=event_type,
        order_no=order_no,
        sequence=sequence,
        created_at=datetime.now(UTC),
        data={},
    )
    async with sessions.begin() as session:
        session.add(row)
    return row.id


async def _subscriber(
    sessions: Sessions, name: str, *, event_types: list[str] | None = None, state: str = "active"
) -> UUID:
    row = SubscriberRow(
        id=uuid7(),
        name=name,
        url="https://shop.example/hooks",
        event_types=event_types,
        customer=False,
        state=state,
    )
    async with sessions.begin() as session:
        session.add(row)
    return row.id


async def _recipients(sessions: Sessions, event: UUID) -> set[str]:
    query = text(
        "SELECT s.name FROM outbound_webhooks w JOIN subscribers s ON s.id = w.subscriber_id "
        "WHERE w.event_id = :event"
    )
    async with sessions() as session:
        return set((await session.scalars(query, {"event": event})).all())


async def test_an_event_goes_to_every_subscriber_of_its_type(sessions: Sessions) -> None:
    await _subscriber(sessions, "everything")
    await _subscriber(sessions, "payments", event_types=["payment.received", "payment.confirmed"])
    await _subscriber(sessions, "failures", event_types=["order.failed"])
    await _subscriber(sessions, "nothing", event_types=[])
    await _subscriber(sessions, "paused", state="paused")
    await _subscriber(sessions, "removed", state="removed")
    event = await _event(sessions, "payment.received")
    async with sessions.begin() as session:
        assert await fan_out(session, [event]) == 3
    assert await _recipients(sessions, event) == {"everything", "payments", "paused"}


async def test_a_repeated_fan_out_adds_nothing(sessions: Sessions) -> None:
    await _subscriber(sessions, "shop")
    event = await _event(sessions, "payment.received")
    for expected in (1, 0):
        async with sessions.begin() as session:
            assert await fan_out(session, [event, event]) == expected


async def test_fan_out_does_not_commit(sessions: Sessions) -> None:
    await _subscriber(sessions, "shop")
    event = await _event(sessions, "payment.received")
    async with sessions() as session:
        assert await fan_out(session, [event]) == 1
        await session.rollback()
    assert await _recipients(sessions, event) == set()


async def test_a_test_webhook_is_never_fanned_out_but_can_be_enqueued(sessions: Sessions) -> None:
    subscriber = await _subscriber(sessions, "shop", event_types=["order.failed"])
    event = await _event(sessions, "webhook.test", None, None)
    async with sessions.begin() as session:
        assert await fan_out(session, [event]) == 0
        assert await enqueue(session, event, subscriber) > 0
    assert await _recipients(sessions, event) == {"shop"}


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("dead", "pending"),
        ("delivered", "pending"),
        ("cancelled", "pending"),
        ("pending", "pending"),
    ],
)
async def test_enqueuing_again_makes_a_settled_webhook_due_again(
    sessions: Sessions, before: str, after: str
) -> None:
    subscriber = await _subscriber(sessions, "shop")
    event = await _event(sessions, "payment.received")
    async with sessions.begin() as session:
        first = await enqueue(session, event, subscriber)
        await session.execute(
            text("UPDATE outbound_webhooks SET state = :state, attempts = 3"), {"state": before}
        )
    async with sessions.begin() as session:
        assert await enqueue(session, event, subscriber) == first
        row = (await session.execute(text("SELECT state, attempts FROM outbound_webhooks"))).one()
    assert tuple(row) == (after, 3 if before == "pending" else 0)


async def test_an_unknown_event_cannot_be_enqueued(sessions: Sessions) -> None:
    subscriber = await _subscriber(sessions, "shop")
    async with sessions() as session:
        with pytest.raises(EventUnknown):
            await enqueue(session, uuid7(), subscriber)
