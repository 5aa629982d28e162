"""The command, run as the console script runs it, against real servers."""

import asyncio
import json

import pytest
import typer
from typer.testing import CliRunner, Result

from app.simulator.command import simulate
from app.simulator.player.orders import build_orders
from app.simulator.player.scenarios import SCENARIOS
from app.zeus.parameters import PERSONAL
from bench.ports import free_port
from tests.simulator.simulator_server import OK, arrived, hang, listening, saying

APP = typer.Typer()
APP.command("simulate")(simulate)


@APP.callback()
def _root() -> None:
    """A second command's place, so that `simulate` is called by its name."""


async def run(*arguments: str) -> Result:
    return await asyncio.to_thread(
        CliRunner().invoke, APP, ["simulate", *arguments], env={"COLUMNS": "200", "NO_COLOR": "1"}
    )


async def test_a_usual_order_is_reported_call_by_call_and_summed_up() -> None:
    async with listening(saying(OK)) as server:
        result = await run(server.url(), "--seed", "51")

    (order,) = build_orders(SCENARIOS["usual"], 1, seed=51)
    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert [line.split()[:4] for line in lines[:3]] == [
        ["usual", order.order_no, status, "200"] for status in ("01", "04", "05")
    ]
    assert all(line.endswith("nothing") for line in lines[:3])
    assert lines[4].split() == [
        "scenario",
        "calls",
        "200s",
        "mails",
        "retries",
        "p50",
        "ms",
        "p99",
        "ms",
        "max",
        "ms",
    ]
    assert lines[5].split()[:5] == ["usual", "3", "3", "0", "0"]
    assert lines[7].startswith("seed 51: 3 calls in ")


async def test_a_mail_makes_the_exit_code_1() -> None:
    async with listening(saying(b"HTTP/1.1 404 Not Found\r\n\r\n")) as server:
        result = await run(server.url(), "--scenario", "failed")

    assert result.exit_code == 1
    assert "  404 " in result.output
    assert result.output.splitlines()[0].endswith("mail")


async def test_nobody_listening_is_a_mail() -> None:
    result = await run(f"http://127.0.0.1:{free_port()}/", "--scenario", "failed")

    assert result.exit_code == 1
    assert "refused" in result.output


async def test_all_scenarios_are_played_for_every_order() -> None:
    async with listening(saying(OK)) as server:
        result = await run(
            server.url(), "--scenario", "all", "--orders", "2", "--connections", "16", "--json"
        )

    whole = json.loads(result.output)
    assert result.exit_code == 0
    assert {entry["scenario"]: entry["calls"] for entry in whole["summary"]} == {
        name: 2 * len(scenario.verdicts) for name, scenario in SCENARIOS.items()
    }
    assert len(server.requests) == len(whole["calls"])


async def test_options_reach_the_wire() -> None:
    async with listening(saying(OK)) as server:
        await run(
            *(
                server.url("/n"),
                "--scenario",
                "failed,expired",
                "--method",
                "POST",
                "--http",
                "1.1",
                "--style",
                "lower",
                "--line-end",
                "crlf",
            ),
            *("--only", "status,clientip", "--clientip", "2012000009", "--connections", "1"),
        )

    def body(status: str) -> bytes:
        return b"clientip=%32%30%31%32%30%30%30%30%30%39&status=" + b"".join(
            b"%%%02x" % ord(digit) for digit in status
        )

    head = b"POST /n HTTP/1.1\r\nHost: 127.0.0.1:%d\r\nConnection: close\r\n" % server.port
    form = b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n"
    assert server.requests == [
        head + form % len(body(status)) + body(status) for status in ("02", "01", "03")
    ]


async def test_several_scenarios_may_be_named_with_commas() -> None:
    async with listening(saying(OK)) as server:
        result = await run(server.url(), "--scenario", "failed, expired", "--json")

    assert [entry["scenario"] for entry in json.loads(result.output)["summary"]] == [
        "failed",
        "expired",
    ]


async def test_timeout_and_retries_are_as_ordered() -> None:
    async with listening(hang) as server:
        result = await run(
            server.url(),
            "--scenario",
            "failed",
            "--timeout",
            "0.1",
            "--retries",
            "1",
            "--retry-after",
            "0.05",
            "--json",
        )

    assert result.exit_code == 1
    assert [(call["error"], call["zeus"]) for call in json.loads(result.output)["calls"]] == [
        ("timeout", "retry"),
        ("timeout", "mail"),
    ]


async def test_a_rate_prints_the_summary_and_its_own_lateness() -> None:
    async with listening(saying(OK)) as server:
        result = await run(server.url(), "--rate", "200", "--orders", "10")

    lines = result.output.splitlines()
    assert result.exit_code == 0
    assert lines[1].startswith("scenario")
    assert lines[2].split()[:3] == ["usual", "30", "30"]
    assert "from the intended start, which was missed by at most" in lines[4]
    assert len(server.requests) == 30


async def test_a_rate_prints_the_calls_that_failed() -> None:
    async with listening(saying(b"HTTP/1.1 503 Later\r\n\r\n")) as server:
        result = await run(server.url(), "--rate", "200", "--scenario", "expired")

    assert result.exit_code == 1
    assert [line.split()[2:4] for line in sorted(result.output.splitlines()[:2])] == [
        ["01", "503"],
        ["03", "503"],
    ]


async def test_runs_differ_unless_a_seed_is_given() -> None:
    async with listening(saying(OK)) as server:
        for arguments in ((), (), ("--seed", "5"), ("--seed", "5")):
            await run(server.url(), "--scenario", "failed", *arguments)

    first, second, third, fourth = (
        arrived(request).values["order_no"] for request in server.requests
    )
    assert first != second
    assert third == fourth


async def test_list_shows_every_scenario_without_a_url() -> None:
    result = await run("--list")

    assert result.exit_code == 0
    assert [line.split()[0] for line in result.output.splitlines()] == list(SCENARIOS)
    assert all(scenario.about in result.output for scenario in SCENARIOS.values())
    assert "04x200" in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("ftp://192.0.2.1/s3cret",), "http://"),
        (("http://192.0.2.1/s3cret", "--scenario", "unheard-of"), "unheard-of"),
        (("http://192.0.2.1/s3cret", "--scenario", ","), "names no scenario"),
        (("http://192.0.2.1/s3cret", "--only", "order_no,colour"), "colour"),
        (("http://192.0.2.1/s3cret", "--rate", "5", "--retries", "1"), "retries"),
        (("http://192.0.2.1/s3cret", "--rate", "0"), "--rate"),
        (("http://192.0.2.1/s3cret", "--orders", "0"), "--orders"),
        (("http://192.0.2.1/s3cret", "--style", "fancy"), "--style"),
        (("http://192.0.2.1/s3cret", "--clientip", "２０１２"), "--clientip"),
        ((), "URL"),
    ],
)
async def test_a_wrong_argument_is_named_and_nothing_is_sent(
    arguments: tuple[str, ...], complaint: str
) -> None:
    result = await run(*arguments)

    assert result.exit_code == 2
    assert complaint in result.output
    assert "s3cret" not in result.output


async def test_personal_data_never_reaches_the_output() -> None:
    async with listening(saying(OK)) as server:
        texts = [
            (await run(server.url(), "--seed", "52", *more)).output
            for more in ((), ("--json",), ("--rate", "100"))
        ]

    (order,) = build_orders(SCENARIOS["usual"], 1, seed=52)
    assert [name for name in PERSONAL for text in texts if order.values[name] in text] == []
