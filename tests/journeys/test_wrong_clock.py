"""A worker whose clock is 400 days off, as a process of its own: it says so and erases nothing."""

from pathlib import Path

import pytest

from tests.chaos.programs import ProgramMissing, with_clock
from tests.processes import processes, service_settings


@pytest.mark.parametrize("days", [400, -400])
async def test_a_worker_whose_clock_is_wrong_stops_erasing(
    database_url: str, tmp_path: Path, days: int
) -> None:
    try:
        before = with_clock(days)
    except ProgramMissing as missing:
        pytest.skip(str(missing))
    with processes(tmp_path / "processes") as starter:
        worker = starter.start(
            "work",
            before=before,
            **service_settings(database_url),
            SPOOL_DIR=str(tmp_path / "spool"),
        )
        stopped = await worker.logged("housekeeping_stopped")
        assert "apart" in str(stopped["reason"])
