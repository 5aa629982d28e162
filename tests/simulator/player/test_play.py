"""Whole orders against real servers: order, concurrency, retries, and the constant rate."""

import asyncio
import time
from collections import Counter
from itertools import pairwise

from app.simulator.player.caller import CallVerdict
from app.simulator.player.orders import build_orders, build_run
from app.simulator.player.play import Retries, play, play_at_rate
from app.simulator.player.report import PlayResult
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.simulator.simulator_server import OK, arrived, hang, listening, saying


async def test_one_orders_calls_never_overlap_and_keep_their_order() -> None:
    spans: dict[str, list[tuple[str, float, float]]] = {}

    async def answer_slowly(request: bytes, writer: asyncio.StreamWriter) -> None:
        began = time.perf_counter()
        values = arrived(request).values
        await asyncio.sleep(0.01)
        spans.setdefault(values["order_no"], []).append(
            (values["status"], began, time.perf_counter())
        )
        await saying(OK)(request, writer)

    orders = build_orders(SCENARIOS["pay-again"], 12, seed=31)
    async with listening(answer_slowly) as server:
        report = await play(target_of(server.url()), orders, connections=6)

    assert report.mails == 0
    assert {order.order_no for order in orders} == set(spans)
    for calls in spans.values():
        assert [status for status, _, _ in calls] == ["01", "04", "06", "04", "05"]
        assert all(ended <= began for (_, _, ended), (_, began, _) in pairwise(calls))


async def test_orders_run_side_by_side_up_to_the_connections_given() -> None:
    async with listening(saying(OK, after_s=0.02)) as server:
        report = await play(
            target_of(server.url()), build_orders(SCENARIOS["expired"], 20, seed=32), connections=4
        )

    assert len(report.results) == 40
    assert server.open_at_most == 4


async def test_a_storm_sends_one_call_200_times_over_50_connections() -> None:
    async with listening(saying(OK, after_s=0.05)) as server:
        report = await play(
            target_of(server.url()),
            build_orders(SCENARIOS["duplicate-storm"], 1, seed=33),
            connections=1,
        )

    assert len(report.results) == 201
    assert sorted(Counter(server.requests).values()) == [1, 200]
    assert arrived(server.requests[0]).values["status"] == "01"
    assert server.open_at_most == 50


async def test_a_timeout_is_retried_with_the_same_bytes_after_the_pause() -> None:
    seen: list[float] = []

    async def answer_the_second(request: bytes, writer: asyncio.StreamWriter) -> None:
        seen.append(time.perf_counter())
        await (hang if len(seen) == 1 else saying(OK))(request, writer)

    order = build_orders(SCENARIOS["failed"], 1, seed=34)
    async with listening(answer_the_second) as server:
        report = await play(
            target_of(server.url(), timeout_s=0.2), order, retries=Retries(2, after_s=0.2)
        )

    assert [result.outcome.verdict for result in report.results] == [
        CallVerdict.RETRY,
        CallVerdict.NOTHING,
    ]
    assert server.requests == [server.requests[0]] * 2
    assert seen[1] - seen[0] >= 0.35


async def test_when_no_retry_is_left_a_timeout_is_a_mail_and_the_order_goes_on() -> None:
    async with listening(hang) as server:
        report = await play(
            target_of(server.url(), timeout_s=0.1),
            build_orders(SCENARIOS["expired"], 1, seed=35),
            retries=Retries(2),
        )

    assert [(result.status, result.outcome.verdict.value) for result in report.results] == [
        (status, verdict) for status in ("01", "03") for verdict in ("retry", "retry", "mail")
    ]
    assert report.mails == 2


async def test_an_error_answer_is_never_retried() -> None:
    async with listening(saying(b"HTTP/1.1 500 Oops\r\n\r\n")) as server:
        report = await play(
            target_of(server.url()),
            build_orders(SCENARIOS["failed"], 1, seed=36),
            retries=Retries(5),
        )

    assert [result.outcome.verdict for result in report.results] == [CallVerdict.MAIL]
    assert len(server.requests) == 1


async def test_every_try_is_told_as_it_ends() -> None:
    told: list[PlayResult] = []
    async with listening(saying(OK)) as server:
        report = await play(
            target_of(server.url()),
            build_orders(SCENARIOS["usual"], 3, seed=37),
            on_result=told.append,
        )

    assert tuple(told) == report.results
    assert len(told) == 9


async def test_a_rate_starts_calls_on_schedule_without_waiting_for_answers() -> None:
    async with listening(saying(OK, after_s=0.6)) as server:
        report = await play_at_rate(
            target_of(server.url()), build_orders(SCENARIOS["usual"], 10, seed=38), 100
        )

    assert report.mails == 0
    assert len(report.results) == 30
    assert server.open_at_most == 30
    # The last of 30 calls is due after 0.29 s; one after the other they would take 18 s.
    assert 0.29 + 0.6 <= report.duration_s < 3


async def test_a_rate_takes_the_orders_turns_round_by_round() -> None:
    orders = build_run(
        (SCENARIOS["usual"], SCENARIOS["failed"], SCENARIOS["duplicate-storm"]), 2, seed=39
    )
    async with listening(saying(OK)) as server:
        await play_at_rate(target_of(server.url()), orders, 2000)
    statuses = Counter(arrived(request).values["status"] for request in server.requests)

    assert statuses == {"01": 4, "02": 2, "04": 2 + 400, "05": 2}
    assert {arrived(request).values["status"] for request in server.requests[:6]} == {"01", "02"}


async def test_a_rate_never_retries() -> None:
    async with listening(hang) as server:
        report = await play_at_rate(
            target_of(server.url(), timeout_s=0.1),
            build_orders(SCENARIOS["failed"], 5, seed=40),
            200,
        )

    assert [result.outcome.verdict for result in report.results] == [CallVerdict.MAIL] * 5
    assert len(server.requests) == 5
