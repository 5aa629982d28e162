"""A worker whose clock is wrong by 400 days: it erases nothing and still delivers."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from app.clock import CLOCK_TOLERANCE
from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.chaos.programs import ProgramMissing, with_clock
from tests.journeys.conftest import Site
from tests.processes import Starter, processes, service_settings

ORDERS = 20


@pytest.fixture(params=[400, -400])
def wrong_clock(request: pytest.FixtureRequest) -> list[str]:
    """Return the command that shifts a process's clock by this number of days."""
    try:
        return with_clock(request.param)
    except ProgramMissing as missing:
        pytest.skip(str(missing))


async def test_a_worker_whose_clock_is_wrong_stops_erasing(
    database_url: str, tmp_path: Path, wrong_clock: list[str]
) -> None:
    with processes(tmp_path / "processes") as starter:
        worker = starter.start_with(
            ["work"],
            service_settings(database_url) | {"SPOOL_DIR": str(tmp_path / "spool")},
            before=wrong_clock,
        )
        stopped = await worker.logged("housekeeping_stopped")
        assert "apart" in str(stopped["reason"])


async def test_a_worker_whose_clock_is_wrong_delivers_every_event(
    site: Site, starter: Starter, wrong_clock: list[str]
) -> None:
    starter.start_with(["work"], site.settings, before=wrong_clock)
    receiver = starter.start("receive", **site.settings)
    host, port = await receiver.ready("receiver")
    report = await play(
        target_of(f"http://{host}:{port}/zeus/notify"),
        build_run((SCENARIOS["usual"],), ORDERS, seed=1),
    )
    assert {200} == {result.outcome.status for result in report.results}
    await site.merchant.wait_for(4 * ORDERS)
    for _, event in site.merchant.received:
        assert abs(datetime.now(UTC) - datetime.fromisoformat(event["timestamp"])) < CLOCK_TOLERANCE
