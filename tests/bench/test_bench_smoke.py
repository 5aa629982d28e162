"""Smoke test of the bench: one tiny case runs whole, and its tools report what they see."""

import ast
import asyncio
import json
import os
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from bench.arrivals import Inbox, NotArrived
from bench.baselines.environment import PROGRAM
from bench.dead_subscribers import black_hole
from bench.figures import Figure, Requirement, as_json, table
from bench.load import Job
from bench.ports import free_port
from bench.relay import sink
from bench.traffic import CallsFailed, Traffic, play

ROOT = Path(__file__).resolve().parents[2]
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK"


def test_a_tiny_case_runs_to_its_end(tmp_path: Path) -> None:
    report = tmp_path / "figures.json"
    environment = {
        name: value for name, value in os.environ.items() if not name.startswith("RELAY_")
    }
    run = subprocess.run(
        [sys.executable, "-m", "bench", "answers", "--quick", "--json", report],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=100,
    )
    assert 0 == run.returncode, run.stdout + run.stderr
    figures = json.loads(report.read_text())["figures"]
    assert {"durable answers, 64 connections", "answer p99, 64 connections"} <= {
        figure["name"] for figure in figures
    }
    assert all(figure["measured"] > 0 for figure in figures)
    assert {"", "nothing stored", "ORM route"} == {figure["note"] for figure in figures}, (
        "both rivals ran"
    )
    assert all(figure["name"] in run.stdout for figure in figures)
    assert "ok" not in run.stdout.splitlines()[-1], "a run this short judges nothing"


def test_a_figure_meets_its_requirement_by_ratio_or_by_value() -> None:
    fast = Figure(
        "case", "rate", "/s", (90, 100, 400), (50,), "other", Requirement(least=2, of="ratio")
    )
    slow = Figure("case", "delay", "ms", (70.0,), required=Requirement(most=60))
    assert (100, 2.0, True) == (fast.measured, fast.ratio, fast.holds)
    assert (None, False) == (slow.ratio, slow.holds)
    lines = table([fast, slow]).splitlines()
    assert "ok" == lines[2].split("|")[-1].strip()
    assert "MISS" == lines[3].split("|")[-1].strip()
    assert [True, False] == [
        entry["holds"] for entry in json.loads(as_json([fast, slow], {}))["figures"]
    ]


@pytest.mark.parametrize("keep_alive", [True, False])
@pytest.mark.parametrize("rate", [None, 100.0])
async def test_the_load_generator_counts_every_answer(keep_alive: bool, rate: float | None) -> None:
    async with _server([OK]) as (port, requests):
        traffic = await _play(port, keep_alive=keep_alive, rate=rate)
    assert 20 == traffic.answers == len(requests) == len(traffic.sent)
    assert 20 == len(set(requests)), "each call is about an order of its own"
    assert 0 < traffic.p50_ms <= traffic.p99_ms <= traffic.max_ms


@pytest.mark.parametrize(
    "bad", [b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\n\r\n", b""]
)
async def test_the_load_generator_does_not_overlook_a_bad_answer(bad: bytes) -> None:
    async with _server([OK, OK, bad]) as (port, _):
        with pytest.raises(
            CallsFailed, match=r"status 503|closed without an answer|ConnectionResetError"
        ):
            await _play(port, keep_alive=True, rate=None)


async def test_the_subscriber_reports_when_webhooks_arrived(tmp_path: Path) -> None:
    async with sink(tmp_path) as port:
        inbox = Inbox(port)
        now = asyncio.get_running_loop().time()
        body = b'{"data":{"order_no":"a-1"}}'
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        writer.write(
            b"POST /hook/shop?after=0.1 HTTP/1.1\r\nContent-Length: %d\r\n\r\n%b"
            % (len(body), body)
        )
        assert b"200" in await reader.readline()
        writer.close()
        await inbox.look()
        assert [("shop", "a-1")] == list(inbox.first)
        assert 1 == inbox.most_waiting
        assert 0 < (await inbox.delays({"a-1": now}, "shop")).p50_ms < 10_000
        with pytest.raises(NotArrived):
            await inbox.delays({"a-1": now, "a-2": now}, "shop", patience_s=0.3)


async def test_the_black_hole_accepts_no_connection() -> None:
    with black_hole() as port, pytest.raises(TimeoutError):
        await asyncio.wait_for(asyncio.open_connection("127.0.0.1", port), 0.5)


def test_the_baselines_job_is_a_program() -> None:
    """It runs in an environment of its own, with its own libraries. Here it is only compiled."""
    defined = {
        node.name
        for node in ast.walk(ast.parse(Path(PROGRAM).read_text()))
        if isinstance(node, ast.AsyncFunctionDef)
    }
    assert {"defer", "work", "main"} <= defined


async def _play(port: int, *, keep_alive: bool, rate: float | None) -> Traffic:
    return await play(
        Job(
            "127.0.0.1",
            port,
            "/zeus/notify",
            "t",
            10,
            callers=3,
            rate=rate,
            keep_alive=keep_alive,
            count=20,
            stamps=True,
        )
    )


@asynccontextmanager
async def _server(answers: list[bytes]) -> AsyncIterator[tuple[int, list[bytes]]]:
    """Serve these answers in turn, then the first for ever; an empty one hangs up."""
    requests: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                requests.append(await reader.readuntil(b"\r\n\r\n"))
                answer = answers[len(requests) - 1] if len(requests) <= len(answers) else answers[0]
                writer.write(answer)
                if not answer or b"HTTP/1.0" in requests[-1]:
                    break
        except asyncio.IncompleteReadError:
            pass
        finally:
            writer.close()

    port = free_port()
    server = await asyncio.start_server(serve, "127.0.0.1", port)
    async with server:
        yield port, requests
