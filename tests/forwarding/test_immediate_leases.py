"""Webhooks leased as they are made: which ones, what is sent, and what a killed worker leaves."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import pytest

from app.clock import uuid7
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.db.tables.orders import EventRow
from app.forwarding.forwarder import Forwarder
from app.forwarding.immediate_leases import EVENTS_AT_ONCE, ImmediateLeases, LeasedNow, Room
from app.forwarding.leased_fan_out import LeasedFanOut
from app.forwarding.queue.claims import claim
from app.forwarding.queue.leases import release
from app.forwarding.webhook import ClaimedWebhook
from app.metrics import claim_batch_webhooks
from tests.forwarding.delivery_setup import KEY, PAYMENT_RECEIVED, DeliverySetup, until
from tests.forwarding.stored_events import fan_out_leased
from tests.forwarding.test_forwarder import Shop, open_shop

LEASE = timedelta(seconds=1)
SUCCESS = datetime(2026, 1, 1, tzinfo=UTC)


@pytest.fixture
def setup(sessions: Sessions, database_url: str) -> DeliverySetup:
    """An empty setup on the test's own database."""
    return DeliverySetup(sessions, database_url, Vault([KEY]))


async def proven(setup: DeliverySetup, url: str = "http://127.0.0.1:9/", **columns: Any) -> UUID:
    """Add a subscriber that has taken a webhook before."""
    return (await setup.subscriber(url, **{"last_success_at": SUCCESS, **columns}))[0]


async def event(setup: DeliverySetup, order_no: str, sequence: int = 1) -> UUID:
    """Add an event without webhooks."""
    data = {**PAYMENT_RECEIVED, "order_no": order_no, "sequence": sequence}
    row = EventRow(
        id=uuid7(),
        type="payment.received",
        order_no=order_no,
        sequence=sequence,
        created_at=datetime.now(UTC),
        data=data,
        customer={"name": "コンビニ　タロウ"},
    )
    async with setup.sessions.begin() as session:
        session.add(row)
    return row.id


async def leased_of(
    setup: DeliverySetup, *events: UUID, limit: int = 10, of_busy: dict[UUID, int] | None = None
) -> tuple[Sequence[ClaimedWebhook], int]:
    async with setup.sessions.begin() as session:
        made = await fan_out_leased(session, events, Room(limit, of_busy or {}, LEASE))
    return made.leased, made.waiting


async def test_a_proven_subscriber_gets_a_lease_and_others_wait(setup: DeliverySetup) -> None:
    ready = await proven(setup)
    for columns in (
        {"state": "paused"},
        {"capped_at": SUCCESS},
        {"failures": 1},
        {"last_success_at": None},
        {"rate_limit": 5},
        {"resumed_at": SUCCESS},
    ):
        await proven(setup, **columns)
    await proven(setup, state="removed")
    await proven(setup, event_types=["order.failed"])
    leased, waiting = await leased_of(setup, await event(setup, "A"))
    assert [ready] == [webhook.target.subscriber_id for webhook in leased]
    assert 6 == waiting
    lease = (
        "SELECT 1 FROM outbound_webhooks WHERE lease_token = :token AND subscriber_id = :ready "
        "AND due_at BETWEEN now() AND now() + interval '1 s'"
    )
    assert await setup.rows(lease, token=leased[0].lease_token, ready=ready)
    free = "SELECT 1 FROM outbound_webhooks WHERE lease_token IS NULL AND due_at <= now()"
    assert 6 == len(await setup.rows(free))


async def test_no_more_are_leased_than_there_is_room(setup: DeliverySetup) -> None:
    busy, full, free = [await proven(setup, max_in_flight=3) for _ in range(3)]
    events = [await event(setup, f"A-{number}") for number in range(4)]
    leased, waiting = await leased_of(setup, *events, of_busy={busy: 1, full: 0})
    counts = [
        sum(webhook.target.subscriber_id == one for webhook in leased) for one in (busy, full, free)
    ]
    assert ([1, 0, 3], 8) == (counts, waiting)


async def test_the_limit_is_shared_by_all_subscribers(setup: DeliverySetup) -> None:
    for _ in range(3):
        await proven(setup)
    events = [await event(setup, "A"), await event(setup, "B")]
    leased, waiting = await leased_of(setup, *events, limit=4)
    assert (4, 2) == (len(leased), waiting)
    assert 3 == len({webhook.target.subscriber_id for webhook in leased})  # each got one first


async def test_an_order_is_sent_one_webhook_at_a_time(setup: DeliverySetup) -> None:
    ordered, unordered = await proven(setup), await proven(setup, ordered=False)
    first, second = await event(setup, "A", 1), await event(setup, "A", 2)
    leased, _ = await leased_of(setup, first, second)
    got = sorted((webhook.target.subscriber_id, webhook.event_id) for webhook in leased)
    assert sorted([(ordered, first), (unordered, first), (unordered, second)]) == got
    leased, waiting = await leased_of(setup, await event(setup, "A", 3))
    assert ([unordered], 1) == ([webhook.target.subscriber_id for webhook in leased], waiting)


async def test_a_repetition_adds_nothing(setup: DeliverySetup) -> None:
    await proven(setup)
    made = await event(setup, "A")
    assert 1 == len((await leased_of(setup, made))[0])
    assert ([], 0) == await leased_of(setup, made)


async def test_what_is_sent_is_what_a_claim_returns(setup: DeliverySetup) -> None:
    await proven(setup, customer=True, timeout_ms=2_500, max_in_flight=7)
    ((webhook,), _) = await leased_of(setup, await event(setup, "A"))
    async with setup.sessions.begin() as session:
        assert 1 == await release(session, [webhook])
        (claimed,) = await claim(
            session, limit=1, busy=[], lease=LEASE, order_hold=timedelta(hours=1)
        )
    same = ("id", "attempts", "excused", "event_id", "event_type", "created_at", "data", "customer")
    for name in (*same, "target", "is_retry"):
        assert getattr(webhook, name) == getattr(claimed, name), name


@pytest.mark.parametrize(
    ("others", "told"),
    [
        pytest.param([], True, id="nobody to send to"),
        pytest.param([{}], False, id="all leased"),
        pytest.param([{}, {"capped_at": SUCCESS}], True, id="one waits"),
        pytest.param([{}, {"feed": True}], True, id="somebody polls the feed"),
        pytest.param([{}, {"feed": True, "state": "removed"}], False, id="nobody polls any more"),
    ],
)
async def test_others_are_told_unless_all_is_leased(
    setup: DeliverySetup, others: list[dict[str, Any]], told: bool
) -> None:
    for columns in others:
        await proven(setup, **columns)
    made = [await event(setup, "A")]
    async with setup.sessions.begin() as session:
        made_now = await fan_out_leased(session, made, Room(10, {}, LEASE))
    assert told is not made_now.tells_nobody


def test_only_few_events_at_once_are_leased() -> None:
    leased_now = LeasedNow(lambda: Room(1, {}, LEASE))
    assert leased_now.ask_for_room(0) is None
    assert leased_now.ask_for_room(EVENTS_AT_ONCE) is not None
    assert leased_now.ask_for_room(EVENTS_AT_ONCE + 1) is None


class Outbox:
    """Keeps what would be sent."""

    def __init__(self, room: int = 10) -> None:
        self.sent: list[ClaimedWebhook] = []
        self._room = room
        self.leases = ImmediateLeases(self._find, self.sent.extend)

    def _find(self) -> Room | None:
        free = self._room - self.leases.reserved
        return Room(free, {}, LEASE) if free > 0 else None


async def test_room_is_held_until_the_transaction_ends(setup: DeliverySetup) -> None:
    outbox = Outbox(room=3)
    await proven(setup)
    made = await event(setup, "A")
    with outbox.leases.transaction() as first, outbox.leases.transaction() as second:
        room = first.ask_for_room(1)
        assert room is not None
        assert second.ask_for_room(1) is None
        async with setup.sessions.begin() as session:
            first.webhooks = (await fan_out_leased(session, [made], room)).leased
        assert ([], 3) == (outbox.sent, outbox.leases.reserved)
    assert ([made], 0) == ([webhook.event_id for webhook in outbox.sent], outbox.leases.reserved)
    await outbox.leases.ended()


async def test_a_transaction_that_fails_sends_nothing(setup: DeliverySetup) -> None:
    outbox = Outbox()
    await proven(setup)
    made = await event(setup, "A")
    with suppress(ZeroDivisionError), outbox.leases.transaction() as leased_now:
        async with setup.sessions.begin() as session:
            room = leased_now.ask_for_room(1)
            assert room is not None
            leased_now.webhooks = (await fan_out_leased(session, [made], room)).leased
            raise ZeroDivisionError
    assert ([], 0) == (outbox.sent, outbox.leases.reserved)
    assert [] == await setup.rows("SELECT 1 FROM outbound_webhooks")


async def fan_out_by(setup: DeliverySetup, leases: ImmediateLeases, *events: UUID) -> LeasedFanOut:
    """Fan out as a judge does."""
    with leases.transaction() as leased_now:
        async with setup.sessions.begin() as session:
            room = leased_now.ask_for_room(len(events))
            assert room is not None
            made = await fan_out_leased(session, events, room)
            leased_now.webhooks = made.leased
    return made


async def with_room(forwarder: Forwarder) -> None:
    """Wait until a claim has found nothing."""

    async def has_room() -> bool:
        with forwarder.immediate_leases.transaction() as leased_now:
            return leased_now.ask_for_room(1) is not None

    await until(has_room)


def claims_made() -> float:
    """Return the number of webhooks that all claims of this process brought."""
    (metric,) = claim_batch_webhooks.collect()
    (total,) = [one.value for one in metric.samples if one.name.endswith("_sum")]
    return total


async def test_a_forwarder_sends_without_a_claim(setup: DeliverySetup) -> None:
    async with open_shop() as shop, setup.forwarder() as forwarder:
        await proven(setup, shop.url)
        await with_room(forwarder)
        before = claims_made()
        made = await fan_out_by(setup, forwarder.immediate_leases, await event(setup, "A"))
        assert (1, 0) == (len(made.leased), made.waiting)
        await until(lambda: delivered(setup, 1))
        assert before == claims_made()
        assert 1 == len(shop.arrived)


async def delivered(setup: DeliverySetup, count: int) -> bool:
    return (await setup.states()).count("delivered") == count


async def arrived_orders(setup: DeliverySetup, shop: Shop) -> Sequence[tuple[str, int]]:
    rows = await setup.rows("SELECT id, order_no, sequence FROM events")
    places = {str(row.id): (row.order_no, row.sequence) for row in rows}
    return [places[one] for one in shop.ids]


async def test_nothing_is_lost_or_overtaken_when_a_worker_dies_before_it_sends(
    setup: DeliverySetup,
) -> None:
    dead = Outbox()  # its worker dies between commit and send
    async with open_shop() as shop:
        await proven(setup, shop.url)
        events = [await event(setup, "A", 1), await event(setup, "A", 2), await event(setup, "B")]
        made = await fan_out_by(setup, dead.leases, *events)
        assert (2, 1) == (len(made.leased), made.waiting)
        async with setup.forwarder():
            await asyncio.sleep(LEASE.total_seconds() / 2)
            assert [] == shop.arrived  # others respect the lease
            await until(lambda: delivered(setup, 3))
        places = await arrived_orders(setup, shop)
        assert [("A", 1), ("A", 2)] == [place for place in places if place[0] == "A"]
        assert 3 == len(places)


async def test_what_is_born_while_its_worker_stops_is_released(setup: DeliverySetup) -> None:
    await proven(setup)
    async with setup.forwarder() as forwarder:
        await with_room(forwarder)
        with forwarder.immediate_leases.transaction() as leased_now:
            async with setup.sessions.begin() as session:
                room = leased_now.ask_for_room(1)
                assert room is not None
                forwarder.stop()
                await asyncio.sleep(0.1)  # it waits for this transaction
                made = await fan_out_leased(session, [await event(setup, "A")], room)
                leased_now.webhooks = made.leased
    (row,) = await setup.rows("SELECT lease_token, due_at <= now() AS due FROM outbound_webhooks")
    assert (None, True) == (row.lease_token, row.due)
