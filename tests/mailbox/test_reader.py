"""The reader of a mailbox, on a real Dovecot and a real Postgres."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import replace

import pytest
from sqlalchemy import text

from app.db.engine import Sessions
from app.db.singleton_lock import SingletonLock
from app.mailbox.imap.address import MailboxAddress
from app.mailbox.positions import Positions
from app.mailbox.reader import LOCK_KEY, MailboxReader, ReaderTimes
from app.metrics import registry
from tests.mailbox.dovecot import Dovecot
from tests.mailbox.freezing_proxy import FreezingProxy

QUICK = ReaderTimes(
    command=3, every=10, every_without_idle=0.2, lock=0.3, first_retry=0.2, last_retry=1
)


def message(number: int) -> bytes:
    return b"Subject: %d\r\n\r\ntext\r\n" % number


class Kept:
    """What was handed over; it can fail."""

    def __init__(self) -> None:
        self.raw: list[bytes] = []
        self.fails_at: bytes | None = None

    async def keep(self, raw: bytes) -> None:
        if raw == self.fails_at:
            self.fails_at = None
            raise ConnectionError
        self.raw.append(raw)

    @property
    def numbers(self) -> list[int]:
        return [int(raw.split(b"\r\n")[0].removeprefix(b"Subject: ")) for raw in self.raw]

    async def reach(self, count: int, seconds: float = 30) -> None:
        async with asyncio.timeout(seconds):
            while len(self.raw) < count:
                await asyncio.sleep(0.02)


@pytest.fixture
def kept() -> Kept:
    return Kept()


Reading = Callable[..., "asyncio.Task[None]"]


@pytest.fixture
async def read(
    sessions: Sessions, database_url: str, dovecot: Dovecot, kept: Kept
) -> AsyncIterator[Reading]:
    """Yield a function that starts a reader; all are stopped in the end."""
    started = []

    def start(
        address: MailboxAddress | None = None, keep: Kept = kept, times: ReaderTimes = QUICK
    ) -> "asyncio.Task[None]":
        reader = MailboxReader(
            address or dovecot.address(),
            Positions(sessions),
            SingletonLock(database_url, LOCK_KEY),
            keep.keep,
            times,
        )
        started.append(asyncio.create_task(reader.run()))
        return started[-1]

    yield start
    for task in started:
        await stop(task)


async def stop(task: "asyncio.Task[None]") -> None:
    task.cancel()
    await asyncio.wait([task])
    if not task.cancelled():
        task.result()


async def eventually(holds: Callable[[], bool], seconds: float = 20) -> None:
    async with asyncio.timeout(seconds):
        while not holds():
            await asyncio.sleep(0.05)


async def test_every_message_is_handed_over_once_and_then_marked(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    dovecot.deliver(*map(message, range(120)))
    read()
    await kept.reach(120)
    dovecot.deliver(message(120))
    await kept.reach(121)
    for number in range(121, 140):
        dovecot.deliver(message(number))
        await asyncio.sleep(number % 3 / 50)
    await kept.reach(140)

    assert kept.numbers == list(range(140))
    await eventually(lambda: dovecot.flags() == ["S"] * 140)


async def test_a_message_that_comes_while_others_are_read_is_read_at_once(
    dovecot: Dovecot, read: Reading
) -> None:
    """The server tells of it in its answers to FETCH or STORE, and not again when IDLE begins."""

    class Slow(Kept):
        async def keep(self, raw: bytes) -> None:
            await super().keep(raw)
            if len(self.raw) <= 3:
                dovecot.deliver(message(len(self.raw)))
                await asyncio.sleep(0.3)

    slow = Slow()
    dovecot.deliver(message(0))
    read(keep=slow, times=replace(QUICK, every=300))
    await slow.reach(4, seconds=20)
    assert [0, 1, 2, 3] == slow.numbers


async def test_a_new_reader_goes_on_where_the_last_one_stopped(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    dovecot.deliver(*map(message, range(5)))
    first = read()
    await kept.reach(5)
    await eventually(lambda: dovecot.flags() == ["S"] * 5)
    await asyncio.sleep(0.5)
    await stop(first)
    dovecot.deliver(message(5))
    read()
    await kept.reach(6)

    assert kept.numbers == [0, 1, 2, 3, 4, 5]


async def test_a_message_that_was_not_kept_is_not_marked_and_comes_again(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    dovecot.deliver(*map(message, range(3)))
    kept.fails_at = message(1)
    read()
    await kept.reach(4)

    assert kept.numbers == [0, 0, 1, 2], "handed over again, so its hash must be known"
    await eventually(lambda: dovecot.flags() == ["S"] * 3)


async def test_of_two_readers_one_reads_and_the_other_takes_over(
    dovecot: Dovecot, read: Reading
) -> None:
    one, other = Kept(), Kept()
    first = read(keep=one)
    read(keep=other)
    dovecot.deliver(*map(message, range(10)))
    await eventually(lambda: len(one.raw) + len(other.raw) >= 10)
    assert not (one.raw and other.raw)
    if one.raw:
        await stop(first)
        dovecot.deliver(message(10))
        await other.reach(1)
        assert other.numbers == [10]


async def test_new_uidvalidity_reads_everything_again(
    dovecot: Dovecot, read: Reading, kept: Kept, sessions: Sessions
) -> None:
    dovecot.deliver(*map(message, range(3)))
    first = read()
    await kept.reach(3)
    await eventually(lambda: dovecot.flags() == ["S"] * 3)
    await asyncio.sleep(0.5)
    await stop(first)
    dovecot.renumber()
    dovecot.deliver(message(3))
    read()
    await kept.reach(7)

    assert sorted(kept.numbers) == [0, 0, 1, 1, 2, 2, 3]


async def test_a_connection_cut_in_silence_is_replaced(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    proxy = FreezingProxy(dovecot.port)
    try:
        times = ReaderTimes(command=2, every=2, lock=0.5, first_retry=0.2, last_retry=1)
        read(dovecot.plain_address(proxy.port), times=times)
        dovecot.deliver(message(0))
        await kept.reach(1)
        await asyncio.sleep(0.5)
        proxy.freeze()
        dovecot.deliver(message(1))
        await kept.reach(2, seconds=40)
        assert kept.numbers == [0, 1]
        assert proxy.connections >= 2
    finally:
        proxy.close()


async def test_the_end_of_the_server_is_survived(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    read()
    dovecot.deliver(message(0))
    await kept.reach(1)
    name = dovecot.address().name
    dovecot.stop()  # with BYE
    await eventually(lambda: available(name) == 0)
    dovecot.deliver(message(1))
    dovecot.start()
    await kept.reach(2)

    assert kept.numbers == [0, 1]
    await eventually(lambda: available(name) == 1)


def available(name: str) -> float | None:
    return registry.get_sample_value("zeus_relay_mailbox_available", {"mailbox": name})


async def test_without_idle_it_looks_again_and_again(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    dovecot.stop()
    dovecot.capability = "IMAP4rev1 UIDPLUS"
    dovecot.start()
    read()
    for number in range(3):
        dovecot.deliver(message(number))
        await kept.reach(number + 1)

    assert kept.numbers == [0, 1, 2]


async def test_a_message_too_large_is_passed_over_and_stays_unmarked(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    large = b"Subject: 1\r\n\r\n" + b"x" * 50 * 1024 * 1024
    dovecot.deliver(message(0), large, message(2))
    before = registry.get_sample_value(
        "zeus_relay_mailbox_messages_total", {"outcome": "too_large"}
    )
    read(times=ReaderTimes(command=30, lock=1))
    await kept.reach(2, seconds=60)

    assert kept.numbers == [0, 2]
    await eventually(lambda: dovecot.flags() == ["", "S", "S"])
    after = registry.get_sample_value("zeus_relay_mailbox_messages_total", {"outcome": "too_large"})
    assert after == (before or 0) + 1


async def test_removed_messages_leave_gaps(dovecot: Dovecot, read: Reading, kept: Kept) -> None:
    dovecot.deliver(*map(message, range(700)))
    dovecot.remove("2:650")
    read()
    await kept.reach(51)

    assert kept.numbers == [0, *range(650, 700)]


async def test_the_position_is_saved_with_the_times(
    dovecot: Dovecot, read: Reading, kept: Kept, sessions: Sessions
) -> None:
    read()
    query = text("SELECT uid, read_at, last_mail_at FROM mailboxes")

    async def row() -> tuple[int, object, object] | None:
        async with sessions() as session:
            found = (await session.execute(query)).one_or_none()
            return None if found is None else (found.uid, found.read_at, found.last_mail_at)

    async with asyncio.timeout(20):
        while (first := await row()) is None:
            await asyncio.sleep(0.05)
    assert first[0] == 0
    assert first[2] is None, "an empty mailbox was read, and no mail came"
    dovecot.deliver(message(1))
    async with asyncio.timeout(20):
        while (later := await row()) is None or later[0] == 0:
            await asyncio.sleep(0.05)
    assert later[2] is not None


async def test_a_stop_does_not_wait_for_the_server(
    dovecot: Dovecot, read: Reading, kept: Kept
) -> None:
    proxy = FreezingProxy(dovecot.port)
    try:
        task = read(dovecot.plain_address(proxy.port), times=ReaderTimes(command=60, lock=30))
        dovecot.deliver(message(0))
        await kept.reach(1)
        proxy.freeze()
        async with asyncio.timeout(2):
            await stop(task)
    finally:
        proxy.close()
