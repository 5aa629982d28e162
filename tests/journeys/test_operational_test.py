"""The operational test with Zeus, against the simulator: applications, calls, mails, report."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from app.applications.states import TestKind
from app.operations.operational_test.plan import FOLLOWS
from app.zeus.stores import STORES
from tests.command import run_command
from tests.journeys.conftest import Site
from tests.processes import Starter
from tests.simulator.simulator_process import Simulator, simulating

TEST_ID = "12345678"
CUSTOMER = ("--name", "てすと タロウ", "--telno", "03-1234-5678", "--email", "taro@example.com")
HALF_AN_HOUR_IN_SECONDS = "600"
"""Speed of the simulator's clock at which Zeus's half an hour takes three seconds."""


@pytest.fixture
async def zeus(site: Site, starter: Starter) -> AsyncIterator[Simulator]:
    """Yield a simulator that calls a relay with every role."""
    relay = starter.start("up", **site.settings)
    host, port = await relay.ready("receiver")
    with simulating(
        "--call-url",
        f"http://{host}:{port}/zeus/notify",
        "--test-ids",
        TEST_ID,
        "--clock-speed",
        HALF_AN_HOUR_IN_SECONDS,
    ) as running:
        yield running


def settings_for(site: Site, zeus: Simulator) -> dict[str, str]:
    """Return the settings of a command that applies to this simulator."""
    return site.settings | {
        "APPLICATION_URL": f"{zeus.url}/cgi-bin/cvs.cgi",
        "TEST_ID": TEST_ID,
        "IP_CODES": "2012000001",
    }


async def test_everything_arrives(site: Site, zeus: Simulator, tmp_path: Path) -> None:
    result = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--wait", "60s", "--json",
        settings=settings_for(site, zeus),
    )  # fmt: skip
    found = json.loads(result.stdout)
    assert found["complete"], result.output
    assert result.exit_code == 0
    tests = {(test["store"]["code"], test["kind"]): test for test in found["tests"]}
    assert set(tests) == {(code, kind.value) for code in STORES for kind in TestKind}
    for (_, kind), test in tests.items():
        assert test["numbers_shown"]
        assert [call["status"] for call in test["calls"]] == [
            status.value for status in FOLLOWS[TestKind(kind)]
        ]
        assert all(call["at"] and not call["absent"] for call in test["calls"])
    again = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--run", found["run"], "--wait", "30s",
        settings=settings_for(site, zeus),
    )  # fmt: skip
    assert again.exit_code == 0, again.output
    assert "Everything has arrived." in again.stdout
    assert len((await zeus.ask("GET", "/orders")).json) == len(tests)


async def test_says_what_is_missing(site: Site, zeus: Simulator) -> None:
    await zeus.set(parameters=["order_no", "status", "money"])
    result = await run_command(
        "onboarding", "--apply", *CUSTOMER, "--store", "lawson", "--kind", "unpaid",
        "--wait", "5s", settings=settings_for(site, zeus),
    )  # fmt: skip
    assert result.exit_code == 1
    assert "01 without clientip" in result.stdout
    assert "Not everything has arrived." in result.stdout


async def test_needs_a_test_id(site: Site, zeus: Simulator) -> None:
    settings = {
        name: value for name, value in settings_for(site, zeus).items() if name != "TEST_ID"
    }
    result = await run_command("onboarding", "--apply", *CUSTOMER, settings=settings)
    assert result.exit_code == 1
    assert "/test:" in result.output
    assert (await zeus.ask("GET", "/orders")).json == []
