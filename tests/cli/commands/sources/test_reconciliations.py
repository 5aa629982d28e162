"""`zeus-relay reconcile` and `reconciliations list|show`."""

import asyncio
import os
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from tests.cli.conftest import Cli
from tests.operations.operations_setup import OperationsSetup
from tests.reconciliation.files import export, finish

PROGRAM = Path(sys.executable).with_name("zeus-relay")
HEALED = "SELECT * FROM notices WHERE origin = 'reconciliation'"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Return a file in which one order agrees, one is behind, and one is unknown."""
    path = tmp_path / "orders.csv"
    path.write_bytes(export("A-1,未入金,5400", "A-2,入金済,5400", "B-1,入金済,300"))
    return path


@pytest.fixture
async def orders(setup: OperationsSetup) -> None:
    """Record two orders that are not paid."""
    for order_no in ("A-1", "A-2"):
        await setup.judged("01", order_no=order_no)


@pytest.mark.usefixtures("orders")
async def test_a_file_is_compared_to_its_end(cli: Cli, file: Path) -> None:
    shown = (await cli("reconcile", str(file), code=3)).stdout
    assert "compared        3 of 3" in shown
    assert "unknown here    1" in shown
    assert [
        "LINE  ORDER  OUTCOME       ZEUS       AMOUNT  HERE       AMOUNT  HEALED",
        "3     A-2    behind        04 入金済  5400    01 未入金  5400    no",
        "4     B-1    unknown_here  04 入金済  300     -          -       no",
    ] == [line for line in shown.splitlines() if " " in line][-3:]


@pytest.mark.usefixtures("orders")
async def test_what_is_healed_is_no_difference(
    cli: Cli, setup: OperationsSetup, file: Path
) -> None:
    assert 2 == (await cli.json("reconcile", str(file), "--heal"))["healed"]
    await setup.judge()
    assert 3 == (await cli.json("reconcile", str(file)))["counts"]["agrees"]
    assert 2 == len(await setup.rows(HEALED))


async def test_columns_are_named(cli: Cli, tmp_path: Path) -> None:
    path = tmp_path / "orders.tsv"
    path.write_text("番号\t状況\nA-1\t04\n")
    refused = await cli("reconcile", str(path), code=1)
    assert "line 1: no column for order_no; name it, as order_no=HEADING" in refused.stderr
    assert (
        1 == (await cli.json("reconcile", str(path), "--column", "order_no=番号", code=3))["total"]
    )
    assert "FIELD=HEADING" in (await cli("reconcile", str(path), "--column", "x", code=2)).stderr
    unknown = await cli("reconcile", str(path), "--column", "price=金額", code=2)
    assert "no such field" in unknown.stderr
    missing = await cli("reconcile", str(path), "--column", "order_no=受付", code=1)
    assert "line 1: no column is called 受付. Headings: 番号, 状況" in missing.stderr


async def test_a_fault_is_told_with_its_place_and_nothing_is_stored(
    cli: Cli, setup: OperationsSetup, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(export("A-1,入金済,5400", "A-2,入金済,五千"))
    refused = await cli("reconcile", str(path), "--heal", code=1)
    assert "line 3, column 金額: not an amount in yen\n" == refused.stderr
    assert [] == await setup.rows("SELECT 1 FROM reconciliations UNION ALL SELECT 1 FROM notices")
    await cli("reconcile", str(tmp_path / "none.csv"), code=2)


@pytest.mark.usefixtures("orders")
async def test_earlier_results_are_listed_and_shown(cli: Cli, file: Path) -> None:
    assert "No reconciliations found.\n" == (await cli("reconciliations", "list")).stdout
    job_id = (await cli.json("reconcile", str(file), code=3))["id"]
    [listed] = (await cli.json("reconciliations", "list"))["items"]
    assert (job_id, "done") == (listed["id"], listed["state"])
    assert job_id in (await cli("reconciliations", "list")).stdout
    shown = await cli.json("reconciliations", "show", job_id, "--outcome", "agrees")
    assert ["A-1"] == [row["order_no"] for row in shown["rows"]["items"]]
    page = await cli("reconciliations", "show", job_id, "--limit", "1")
    assert "There are more: --cursor " in page.stdout


async def test_more_rows_than_fit_are_named_by_a_command_that_works(
    cli: Cli, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(export(*(f"B-{number},入金済,1" for number in range(60))))
    last = (await cli("reconcile", str(path), code=3)).stdout.splitlines()[-1]
    command = last.removeprefix("There are more: zeus-relay ").split()
    assert ["reconciliations", "show"] == command[:2]
    assert "B-59" in (await cli(*command)).stdout


async def test_a_killed_command_loses_nothing(
    cli: Cli, setup: OperationsSetup, tmp_path: Path
) -> None:
    path = tmp_path / "orders.csv"
    path.write_bytes(export(*(f"B-{number},入金済,1" for number in range(30_000))))
    process = await asyncio.create_subprocess_exec(
        PROGRAM, "reconcile", "--heal", path, env={**os.environ, **cli.environment}, stdout=DEVNULL
    )
    while not await setup.rows("SELECT 1 FROM reconciliations WHERE compared > 0"):
        assert process.returncode is None
        await asyncio.sleep(0.01)
    process.kill()
    await process.wait()
    [row] = await setup.rows("SELECT * FROM reconciliations")
    assert 0 < row.compared < row.total == 30_000
    done = await finish(setup, row.id, batch=2_000)
    assert (30_000, 30_000) == (done.unknown_here, done.healed)
    [count] = await setup.rows("SELECT count(*), count(DISTINCT target) AS kinds FROM notices")
    assert (30_000, 30_000) == tuple(count)


async def test_a_terminal_shows_the_progress(cli: Cli, file: Path) -> None:
    ours, theirs = os.openpty()
    process = await asyncio.create_subprocess_exec(
        PROGRAM,
        "reconcile",
        file,
        env={**os.environ, **cli.environment},
        stdout=DEVNULL,
        stderr=theirs,
    )
    assert 3 == await process.wait()
    os.close(theirs)
    shown = os.read(ours, 10_000).decode()
    os.close(ours)
    assert "3/3" in shown
