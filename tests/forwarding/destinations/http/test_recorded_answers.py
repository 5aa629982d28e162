"""From an answer to its record: a delivery is recorded once, after any answer, stop or error."""

import asyncio
from contextlib import AsyncExitStack

import pytest

from app.db.notify import OUTBOUND, NotifyListener
from app.forwarding.attempts.writer import REJECTED_AT_MOST
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.forwarder import Forwarder
from tests.forwarding import hostile_server as hostile
from tests.forwarding.delivery_setup import OPTIONS, DeliverySetup, until
from tests.forwarding.destinations.http.test_answer import BROKEN

DELIVERED = [name for name, (_, status) in BROKEN.items() if status < 300]


async def _settled(setup: DeliverySetup, *states: str) -> bool:
    return sorted(await setup.states()) == sorted(states)


def counting(arrived: list[bytes], behaviour: hostile.Behaviour) -> hostile.Behaviour:
    """Behave like this and count the connections."""

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        arrived.append(b"connected")
        await behaviour(reader, writer)

    return behave


async def test_every_broken_answer_of_2xx_is_recorded_as_delivered_and_sent_once(
    setup: DeliverySetup,
) -> None:
    arrived: list[bytes] = []
    async with AsyncExitStack() as stack:
        for name in DELIVERED:
            behaviour = counting(arrived, hostile.saying(BROKEN[name][0]))
            port = await stack.enter_async_context(hostile.serving(behaviour))
            await setup.subscriber(f"http://127.0.0.1:{port}/hooks", name=name.replace(" ", "-"))
        await setup.event()
        async with setup.forwarder(limits=TimeLimits(5, 5)):
            await until(lambda: _settled(setup, *["delivered"] * len(DELIVERED)), 30)
            await asyncio.sleep(0.3)  # a second request would arrive within this time
    assert len(arrived) == len(DELIVERED)
    rows = await setup.rows("SELECT attempts, excused, last_outcome FROM outbound_webhooks")
    assert {tuple(row) for row in rows} == {(1, 0, "delivered")}


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [("410", "gone", "dead"), ("429", "too_many_requests", "pending")],
)
async def test_a_broken_error_answer_is_recorded_by_its_status(
    setup: DeliverySetup, status: str, outcome: str, state: str
) -> None:
    async with hostile.serving(hostile.saying(BROKEN[status][0])) as port:
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        await setup.event()
        async with setup.forwarder():
            await until(lambda: _has_outcomes(setup, 1))
    [row] = await setup.rows("SELECT state, attempts, excused, last_outcome FROM outbound_webhooks")
    assert tuple(row) == (state, 1, 0, outcome)


async def _has_outcomes(setup: DeliverySetup, count: int) -> bool:
    return len(await setup.outcomes()) == count


async def test_an_answer_before_a_stop_is_recorded(setup: DeliverySetup) -> None:
    answered = asyncio.Event()

    async def behave(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await hostile.read_request(reader)
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n")
        await asyncio.sleep(0.2)
        answered.set()
        await hostile.hang(reader, writer)

    async with hostile.serving(behave) as port:
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        await setup.event()
        async with setup.forwarder(limits=TimeLimits(30, 30), stop_s=0.1):
            await answered.wait()
    assert await setup.states() == ["delivered"]


# Results of one subscriber that the database rejects.
REFUSE = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
  IF {condition} THEN RAISE EXCEPTION 'refused' USING ERRCODE = 'check_violation'; END IF;
  RETURN NEW;
END $$"""
TRIGGER = "CREATE TRIGGER refuse BEFORE INSERT ON attempts FOR EACH ROW EXECUTE FUNCTION refuse()"


async def test_a_result_that_the_database_rejects_blocks_no_other(
    setup: DeliverySetup,
) -> None:
    async with (
        hostile.serving(hostile.answering(b"200 OK", body=b"fine")) as port,
        hostile.serving(hostile.answering(b"299 Fine")) as odd,
    ):
        await setup.run(REFUSE.format(condition="NEW.http_status = 299"))
        await setup.run(TRIGGER)
        for number in range(5):
            await setup.subscriber(f"http://127.0.0.1:{odd if number == 2 else port}/hooks")
        for _ in range(4):
            await setup.event()
        async with setup.forwarder():
            await until(lambda: _settled(setup, *["delivered"] * 16, *["pending"] * 4))
    assert await setup.outcomes() == ["delivered"] * 16


async def test_a_result_that_is_rejected_for_its_excerpt_is_recorded_without_it(
    setup: DeliverySetup,
) -> None:
    async with hostile.serving(hostile.answering(b"200 OK", body=b"odd")) as port:
        await setup.run(REFUSE.format(condition="NEW.excerpt = 'odd'"))
        await setup.run(TRIGGER)
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        await setup.event()
        async with setup.forwarder():
            await until(lambda: _settled(setup, "delivered"))
    [row] = await setup.rows("SELECT http_status, excerpt FROM attempts")
    assert tuple(row) == (200, None)


async def test_when_nothing_can_be_recorded_nothing_more_is_sent(setup: DeliverySetup) -> None:
    arrived: list[bytes] = []
    async with hostile.serving(
        counting(arrived, hostile.saying(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"))
    ) as port:
        await setup.run(REFUSE.format(condition="true"))
        await setup.run(TRIGGER)
        await setup.subscriber(f"http://127.0.0.1:{port}/hooks")
        for _ in range(REJECTED_AT_MOST + 1):
            await setup.event()
        forwarder = Forwarder(
            setup.sessions, setup.vault, NotifyListener(setup.url, (OUTBOUND,)), OPTIONS
        )
        async with asyncio.timeout(10):
            with pytest.raises(ExceptionGroup, match="unhandled errors"):
                await forwarder.run()
    assert len(arrived) == REJECTED_AT_MOST + 1
