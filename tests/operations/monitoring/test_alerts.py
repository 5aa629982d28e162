"""Alerts: one message when a condition begins and one when it ends, by a single process."""

import asyncio
import threading
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from ipaddress import IPv4Address
from pathlib import Path

import pytest
from aiohttp import web

from app.clock import now, uuid7
from app.db.singleton_lock import SingletonLock
from app.operations.monitoring.alert_conditions import (
    AlertCondition,
    AttentionSummary,
    alert_conditions,
    conditions_without_database,
)
from app.operations.monitoring.alert_messages import AGAIN, SETTLED, Alerts
from app.operations.monitoring.alert_sender import Alerting
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.collector import Watch
from app.operations.monitoring.snapshot import Snapshot, SubscriberSnapshot
from app.operations.subscribers.pause import pause_subscriber
from app.recording.notice import RawNotice
from app.recording.spool.spool import Spool
from app.recording.spool.status import SpoolState
from tests.forwarding import hostile_server as hostile
from tests.operations.operations_setup import (
    EMAIL,
    NAME,
    OPERATOR,
    ORDER_NO,
    SOURCE,
    TELNO,
    OperationsSetup,
)
from tests.processes import processes, service_settings

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
NONE_EXPECTED = Expectation(0, 0)


def _standing(
    *subscribers: SubscriberSnapshot, silent_for: timedelta = timedelta(0), **values: int
) -> Snapshot:
    counts = {"unjudged": 0, "quarantined": 0, "conflicts": 0, "dead": 0, **values}
    return Snapshot(
        at=NOON,
        last_call_at=NOON - silent_for,
        unjudged=counts["unjudged"],
        unjudged_seconds=None,
        quarantined=counts["quarantined"],
        conflicts=counts["conflicts"],
        dead=counts["dead"],
        subscribers=subscribers,
    )


def _subscriber(
    *, state: str = "active", oldest: float | None = None, failing: bool = False
) -> SubscriberSnapshot:
    return SubscriberSnapshot(
        "shop", state, None, 1 if oldest else 0, oldest, NOON if failing else None
    )


def _keys(current: Snapshot, expectation: Expectation = NONE_EXPECTED) -> list[str]:
    return [
        condition.key for condition in alert_conditions(current, expectation, AttentionSummary())
    ]


@pytest.mark.parametrize(
    ("minutes", "expected", "keys"),
    [(14, 50, []), (15, 9.9, []), (15, 10, ["no_calls"]), (900, 3, [])],
    ids=["too short", "not unusual", "unusual", "long, at a time when few call"],
)
def test_a_silence_is_reported_by_the_baseline(
    minutes: int, expected: float, keys: list[str]
) -> None:
    assert keys == _keys(
        _standing(silent_for=timedelta(minutes=minutes)), Expectation(60, expected)
    )


def test_a_service_that_was_never_called_is_not_silent() -> None:
    assert [] == _keys(Snapshot(NOON, None, 0, None, 0, 0, 0, ()), Expectation(60, 50))


@pytest.mark.parametrize(
    ("seconds", "records", "keys"), [(299, 1, []), (300, 1, ["spool"]), (300, 0, [])]
)
def test_a_spool_is_reported_after_five_minutes(
    seconds: float, records: int, keys: list[str]
) -> None:
    found = conditions_without_database(SpoolState(records, 1, 100, seconds, 0, 0), timedelta(0))
    assert keys == [condition.key for condition in found]


@pytest.mark.parametrize(("minutes", "keys"), [(4.9, []), (5, ["database"])])
def test_a_database_that_is_away_is_reported_after_five_minutes(
    minutes: float, keys: list[str]
) -> None:
    assert keys == [
        condition.key for condition in conditions_without_database(None, timedelta(minutes=minutes))
    ]


@pytest.mark.parametrize(
    ("subscriber", "keys"),
    [
        (_subscriber(oldest=899), []),
        (_subscriber(oldest=900), ["undelivered:shop"]),
        (_subscriber(failing=True), ["failing:shop"]),
        (_subscriber(oldest=900, failing=True), ["failing:shop", "undelivered:shop"]),
        (_subscriber(state="paused", oldest=9000, failing=True), ["paused:shop"]),
    ],
)
def test_failing_and_paused_subscribers_are_reported(
    subscriber: SubscriberSnapshot, keys: list[str]
) -> None:
    assert keys == _keys(_standing(subscriber))


def test_open_reviews_are_reported() -> None:
    assert ["quarantine", "conflict", "dead"] == _keys(
        _standing(quarantined=1, conflicts=1, dead=1)
    )


def _minute(minutes: float) -> datetime:
    return NOON + timedelta(minutes=minutes)


def test_a_condition_is_reported_at_its_begin_and_its_end() -> None:
    alerts, condition = Alerts(), AlertCondition("dead", "Something is dead.")
    assert ["[began] Something is dead."] == alerts.update([condition], NOON)
    assert [] == alerts.update([condition], _minute(60))
    assert [] == alerts.update([], _minute(61))
    assert ["[ended] Something is dead. (since 2026-11-23 12:00 UTC)"] == alerts.update(
        [], _minute(60) + SETTLED
    )
    assert [] == alerts.update([], _minute(90))


def test_a_flapping_condition_is_reported_once() -> None:
    alerts, condition = Alerts(), AlertCondition("failing:shop", "It is failing.")
    lines = [alerts.update([condition] if step % 2 else [], _minute(step)) for step in range(1, 60)]
    assert 1 == sum(map(len, lines))


def test_new_items_of_a_condition_are_reported_after_a_while() -> None:
    alerts = Alerts()
    alerts.update([AlertCondition("quarantine", "Look.", ("a",))], NOON)
    assert [] == alerts.update(
        [AlertCondition("quarantine", "Look.", ("b", "a"))], NOON + AGAIN / 2
    )
    assert ["[more] Look. Latest: c, b"] == alerts.update(
        [AlertCondition("quarantine", "Look.", ("c", "b", "a"))], NOON + AGAIN
    )
    assert [] == alerts.update(
        [AlertCondition("quarantine", "Look.", ("c", "b", "a"))], NOON + AGAIN * 3
    )


def test_another_process_reports_the_end_after_it_has_checked_itself() -> None:
    first, condition = Alerts(), AlertCondition("dead", "Something is dead.", ("a",))
    first.update([condition], NOON)
    second = Alerts(first.sent)
    assert [] == second.update([condition], _minute(60))
    third = Alerts(second.sent)
    assert [] == third.update([], _minute(600)), (
        "nobody has looked for an hour: two minutes of quiet begin now"
    )
    assert ["[ended] Something is dead. (since 2026-11-23 12:00 UTC)"] == third.update(
        [], _minute(600) + SETTLED
    )
    assert {} == third.sent


def test_an_unseen_condition_does_not_end() -> None:
    alerts = Alerts()
    alerts.update(
        [AlertCondition("spool", "Calls wait."), AlertCondition("dead", "Something is dead.")], NOON
    )
    later = [
        line for minute in (1, 4) for line in alerts.update([], _minute(minute), unseen=("spool",))
    ]
    assert ["[ended] Something is dead. (since 2026-11-23 12:00 UTC)"] == later
    assert ["spool"] == list(alerts.sent)


class Chat:
    """A server that accepts posts as Slack does, or rejects them."""

    def __init__(self) -> None:
        self.status = 200
        self.texts: list[str] = []
        self.rejected = 0
        self.url = ""

    async def handle(self, request: web.Request) -> web.Response:
        body = await request.json()
        assert (["text"], "application/json") == (list(body), request.content_type)
        if self.status == 200:
            self.texts.append(body["text"])
        else:
            self.rejected += 1
        return web.Response(status=self.status, headers={"location": self.url})

    @property
    def lines(self) -> list[str]:
        return [line for text in self.texts for line in text.splitlines()]


@pytest.fixture
async def chat() -> AsyncIterator[Chat]:
    chat = Chat()
    application = web.Application()
    application.router.add_post("/services/T0/secret-of-the-url", chat.handle)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    chat.url = f"http://127.0.0.1:{runner.addresses[0][1]}/services/T0/secret-of-the-url"
    yield chat
    await runner.cleanup()


def _alerting(
    setup: OperationsSetup, chat: Chat, spool: Path | None = None, key: int = 4711
) -> Alerting:
    return Alerting(
        chat.url, setup.sessions, SingletonLock(setup.url, key), spool, between_posts=timedelta(0)
    )


async def _round(setup: OperationsSetup, *jobs: Alerting) -> None:
    measured = await Watch(setup.sessions).measure()
    for job in jobs:
        await job(measured)


async def test_posts_contain_ids_and_no_other_values(setup: OperationsSetup, chat: Chat) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    [quarantined] = await setup.judged("99")
    await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
    alerting = _alerting(setup, chat)
    await _round(setup, alerting)
    await _round(setup, alerting)
    assert [
        "zeus-relay: [began] Subscriber shop is paused; its webhooks are held.",
        f"zeus-relay: [began] Notices in quarantine need review. Latest: {quarantined}",
    ] == chat.lines
    assert [] == [
        word
        for word in (NAME, TELNO, EMAIL, SOURCE, ORDER_NO, "2012000001", "maintenance")
        if word in chat.texts[0]
    ]
    await alerting.close()


async def _spool_a_call(directory: Path) -> None:
    spool = Spool(directory, limit=10_000_000)
    writing = asyncio.create_task(spool.run())
    await spool.append(
        RawNotice(uuid7(), 1, now(), SOURCE, "GET", b"/zeus/notify?order_no=1", b"", b"", False)
    )
    writing.cancel()
    await spool.close()


def _make_older(spool: Path, *, milliseconds: int) -> None:
    [segment] = spool.glob("*.spool")
    began, _, rest = segment.name.partition("-")
    segment.rename(segment.with_name(f"{int(began) - milliseconds:013}-{rest}"))


async def test_spooled_calls_are_posted(setup: OperationsSetup, chat: Chat, tmp_path: Path) -> None:
    await _spool_a_call(tmp_path)
    alerting = _alerting(setup, chat, tmp_path)
    await _round(setup, alerting)
    assert [] == chat.lines
    _make_older(tmp_path, milliseconds=301_000)
    await _round(setup, alerting)
    assert ["spool" in line for line in chat.lines] == [True]
    await alerting.close()


async def test_alerts_go_on_while_the_database_is_away(
    setup: OperationsSetup, chat: Chat, tmp_path: Path
) -> None:
    await setup.judged("99")
    sending, waiting = _alerting(setup, chat, tmp_path), _alerting(setup, chat, tmp_path)
    await _round(setup, sending, waiting)
    await _spool_a_call(tmp_path)
    _make_older(tmp_path, milliseconds=301_000)
    for job in (sending, waiting):
        await job(None)
    assert ["quarantine", "spool"] == [
        word for line in chat.lines for word in ("quarantine", "spool") if word in line
    ]
    await sending.close()


async def test_one_process_posts_and_another_continues_from_its_state(
    setup: OperationsSetup, chat: Chat
) -> None:
    await setup.judged("99")
    first, second = _alerting(setup, chat), _alerting(setup, chat)
    for _ in range(3):
        await _round(setup, first, second)
    assert 1 == len(chat.lines)
    await first.close()
    await _round(setup, second)
    assert 1 == len(chat.lines)
    await setup.add("shop", "https://shop.example/hooks")
    await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
    for _ in range(3):
        await _round(setup, second)
    assert ["zeus-relay: [began] Subscriber shop is paused; its webhooks are held."] == chat.lines[
        1:
    ]
    await second.close()


async def test_another_process_posts_pending_messages(setup: OperationsSetup, chat: Chat) -> None:
    await setup.judged("99")
    first, second = _alerting(setup, chat), _alerting(setup, chat)
    chat.status = 500
    await _round(setup, first)
    await first.close()
    chat.status = 200
    for _ in range(2):
        await _round(setup, second)
    assert (1, 1) == (chat.rejected, len(chat.lines))
    await second.close()


async def test_another_url_gets_every_message(setup: OperationsSetup, chat: Chat) -> None:
    await setup.judged("99")
    first = _alerting(setup, chat)
    await _round(setup, first)
    await first.close()
    moved = Alerting(
        f"{chat.url}?channel=2",
        setup.sessions,
        SingletonLock(setup.url, 4711),
        between_posts=timedelta(0),
    )
    await _round(setup, moved)
    assert 2 == len(chat.lines)
    [first_row, second_row] = await setup.rows("SELECT name, told, waiting FROM alert_memory")
    assert (first_row.told.keys(), []) == (second_row.told.keys(), first_row.waiting)
    assert "secret-of-the-url" not in first_row.name
    await moved.close()


async def test_a_killed_and_restarted_process_posts_nothing_twice(
    setup: OperationsSetup, chat: Chat, tmp_path: Path
) -> None:
    await setup.add("shop", "https://shop.example/hooks")
    await setup.judged("99")
    settings = service_settings(setup.url) | {"ALERT_URL": chat.url}
    with processes(tmp_path) as starter:
        first = starter.start("operate", **settings)
        await _told(chat, 1)
        await _stored(setup)
        first.kill()
        await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
        second = starter.start("operate", **settings)
        await _told(chat, 2)
        second.terminate()
        assert 0 == await second.ended(), second.log_text()
    assert ["[began] Notices in quarantine", "[began] Subscriber shop is"] == [
        " ".join(line.split()[1:5]) for line in chat.lines
    ]


async def _told(chat: Chat, count: int) -> None:
    async with asyncio.timeout(60):
        while len(chat.lines) < count:
            await asyncio.sleep(0.05)


async def _stored(setup: OperationsSetup) -> None:
    """Wait until the process has stored that its post was accepted."""
    async with asyncio.timeout(20):
        while [[]] != [row.waiting for row in await setup.rows("SELECT waiting FROM alert_memory")]:
            await asyncio.sleep(0.05)


async def test_a_lost_connection_is_not_taken_for_the_lock(setup: OperationsSetup) -> None:
    first, second = (
        SingletonLock(setup.url, 4712, application="first"),
        SingletonLock(setup.url, 4712),
    )
    assert (True, False) == (await first.is_ours(), await second.is_ours())
    await setup.run(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'first'"
    )
    async with asyncio.timeout(20):
        while not await second.is_ours():
            await asyncio.sleep(0.05)
    assert not await first.is_ours()
    await second.release()
    assert await first.is_ours()
    await first.release()


async def test_a_failed_post_is_repeated_later(
    setup: OperationsSetup, chat: Chat, capsys: pytest.CaptureFixture[str]
) -> None:
    await setup.judged("99")
    alerting = _alerting(setup, chat)
    for chat.status in (500, 302):
        await _round(setup, alerting)
    assert (2, []) == (chat.rejected, chat.lines)
    chat.status = 200
    await _round(setup, alerting)
    assert 1 == len(chat.lines)
    assert "secret-of-the-url" not in "".join(capsys.readouterr())
    await alerting.close()


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nok",
        b"HTTP/1.1 202 Accepted\r\nX: " + b"x" * 16_384 + b"\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\nContent-Length: 2\r\n\r\nok",
    ],
)
async def test_the_url_is_called_as_written_and_a_broken_answer_repeats_nothing(
    setup: OperationsSetup, answer: bytes
) -> None:
    lines: list[bytes] = []

    async def take(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        lines.append(await reader.readline())
        writer.write(answer)
        await writer.drain()

    await setup.judged("99")
    async with hostile.serving(take) as port:
        url = f"http://127.0.0.1:{port}/workflows/%2Ftriggers/../x?sp=%2Frun&sig=a%2Bb%3D?"
        alerting = Alerting(
            url, setup.sessions, SingletonLock(setup.url, 4715), between_posts=timedelta(0)
        )
        for _ in range(3):
            await _round(setup, alerting)
        await alerting.close()
    assert [b"POST /workflows/%2Ftriggers/../x?sp=%2Frun&sig=a%2Bb%3D? HTTP/1.1\r\n"] == lines


async def test_posts_are_a_minute_apart(setup: OperationsSetup, chat: Chat) -> None:
    alerting = Alerting(
        chat.url, setup.sessions, SingletonLock(setup.url, 4713), between_posts=timedelta(minutes=1)
    )
    await setup.judged("99")
    await _round(setup, alerting)
    await setup.add("shop", "https://shop.example/hooks")
    await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
    await _round(setup, alerting)
    assert 1 == len(chat.texts)
    await alerting.close()


async def test_the_urls_host_is_looked_up_outside_the_loops_threads(
    setup: OperationsSetup, chat: Chat
) -> None:
    asked = []

    def lookup(host: str) -> list[IPv4Address]:
        asked.append((host, threading.current_thread().name))
        return [IPv4Address("127.0.0.1")]

    await setup.judged("99")
    url = chat.url.replace("127.0.0.1", "alerts.example")
    alerting = Alerting(url, setup.sessions, SingletonLock(setup.url, 4715), lookup=lookup)
    await _round(setup, alerting)
    assert [("alerts.example", "resolver")] == asked
    assert 1 == len(chat.lines)
    await alerting.close()


async def test_a_url_that_does_not_answer_blocks_nothing(
    setup: OperationsSetup, capsys: pytest.CaptureFixture[str]
) -> None:
    await setup.judged("99")
    alerting = Alerting(
        "http://127.0.0.1:1/secret-of-the-url", setup.sessions, SingletonLock(setup.url, 4714)
    )
    await _round(setup, alerting)
    output = "".join(capsys.readouterr())
    assert ("alert_not_sent" in output, "secret-of-the-url" in output) == (True, False)
    await alerting.close()
