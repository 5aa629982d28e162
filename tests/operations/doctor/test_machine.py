"""Doctor checks of the machine: durability, clocks and spool."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from app.clock import now, uuid7
from app.operations.doctor.findings import Level
from app.operations.doctor.machine import (
    check_backlog,
    check_postgres,
    check_spool,
    compare_clocks,
)
from app.recording.notice import RawNotice
from app.recording.spool.spool import Spool
from app.settings import Settings
from tests.operations.operations_setup import OperationsSetup

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)


def _found(directory: Path, **values: Any) -> dict[str, Level]:
    findings = check_spool(
        Settings.model_validate({"spool_dir": directory, "spool_limit": "1MiB", **values})
    )
    assert all((finding.remedy is None) == (finding.level is Level.OK) for finding in findings)
    return {finding.subject: finding.level for finding in findings}


@pytest.fixture
async def spooled(tmp_path: Path) -> Path:
    """A spool with one call."""
    directory = tmp_path / "spool"
    spool = Spool(directory, limit=10_000_000)
    writing = asyncio.create_task(spool.run())
    await spool.append(RawNotice(uuid7(), 1, now(), "192.0.2.10", "GET", b"/zeus/notify", b"", b""))
    writing.cancel()
    await spool.close()
    return directory


async def test_a_server_that_does_not_sync_is_found(setup: OperationsSetup) -> None:
    found = {finding.subject: finding.level for finding in await check_postgres(setup.sessions)}
    assert {
        "Postgres": Level.OK,
        "durability": Level.WARNING,
        "clock": Level.OK,
    } == found  # the tests' Postgres has fsync off


@pytest.mark.parametrize(
    ("skew", "level"),
    [(0, Level.OK), (1.9, Level.OK), (-1.9, Level.OK), (2.1, Level.WARNING), (-2.1, Level.WARNING)],
)
def test_clocks_may_differ_by_two_seconds(skew: float, level: Level) -> None:
    assert level is compare_clocks(NOON, NOON + timedelta(seconds=skew), NOON).level


def test_a_slow_answer_is_not_taken_for_a_wrong_clock() -> None:
    assert (
        Level.OK
        is compare_clocks(NOON, NOON + timedelta(seconds=5), NOON + timedelta(seconds=9)).level
    )


def test_a_missing_spool_directory_is_correct(tmp_path: Path) -> None:
    assert {"spool room": Level.OK} == _found(tmp_path / "data" / "spool")
    assert [] == list(tmp_path.iterdir())


def test_a_spool_that_is_a_file_is_found(tmp_path: Path) -> None:
    (tmp_path / "spool").write_text("not a directory")
    assert {"spool": Level.ERROR} == _found(tmp_path / "spool")


def test_a_full_disk_is_found(tmp_path: Path) -> None:
    assert {"spool room": Level.WARNING} == _found(tmp_path / "spool", spool_limit="1000000GiB")


def test_spooled_calls_are_found_after_a_while(spooled: Path) -> None:
    assert {"spool room": Level.OK} == _found(spooled)
    _make_older(spooled)
    assert {"spool room": Level.OK, "spool content": Level.WARNING} == _found(spooled)


def test_a_spool_that_others_can_read_is_found(spooled: Path) -> None:
    spooled.chmod(0o755)
    assert Level.WARNING is _found(spooled)["spool mode"]


def _make_older(spool: Path) -> None:
    [segment] = spool.glob("*.spool")
    began, _, rest = segment.name.partition("-")
    segment.rename(segment.with_name(f"{int(began) - 301_000:013}-{rest}"))


@pytest.mark.parametrize(
    ("longest", "levels"), [(None, []), (128, [Level.WARNING]), (4096, [Level.OK])]
)
def test_says_if_few_connections_may_wait(longest: int | None, levels: list[Level]) -> None:
    findings = check_backlog(longest)
    assert levels == [finding.level for finding in findings]
    assert all("net.core.somaxconn" in str(one.remedy) for one in findings if one.remedy)
