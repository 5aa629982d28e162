"""Reconciliations by real workers: killed in the middle, and with many unknown orders."""

import asyncio
from pathlib import Path

import pytest

from tests.operations.operations_setup import OperationsSetup
from tests.processes import processes, service_settings
from tests.reconciliation.files import export, finish, load

pytestmark = pytest.mark.slow

HEALED = """
SELECT count(*) AS notices, count(DISTINCT target) AS orders FROM notices
WHERE origin = 'reconciliation'
"""
UNFINISHED = "SELECT 1 FROM reconciliations WHERE state <> 'done'"


@pytest.mark.timeout(300)
async def test_killed_workers_lose_no_row_and_heal_each_order_once(
    setup: OperationsSetup, database_url: str, tmp_path: Path
) -> None:
    lines = [f"B-{number},入金済,5400" for number in range(20_000)]
    jobs = [await load(setup, export(*part), heal=True) for part in (lines, lines[:10_000])]
    settings = service_settings(database_url) | {"METRICS_PORT": "0"}
    with processes(tmp_path) as starter:
        workers = [starter.start("work", **settings) for _ in range(2)]
        for _ in range(3):
            await workers[0].logged("working")
            await asyncio.sleep(0.5)
            workers.pop(0).kill()
            workers.append(starter.start("work", **settings))
        while await setup.rows(UNFINISHED):
            await asyncio.sleep(0.2)
    found = await setup.rows("SELECT * FROM reconciliations ORDER BY total DESC")
    assert [20_000, 10_000] == [row.compared for row in found]
    assert 20_000 == found[0].unknown_here + found[0].agrees
    [healed] = await setup.rows(HEALED)
    assert (20_000, 20_000) == tuple(healed)
    assert 2 == len(jobs)


@pytest.mark.timeout(300)
async def test_a_hundred_thousand_unknown_orders_are_healed_once(setup: OperationsSetup) -> None:
    raw = export(*(f"B-{number},入金済,5400" for number in range(100_000)))
    for _ in range(2):
        row = await finish(setup, await load(setup, raw, heal=True), batch=2_000)
        assert (100_000, 100_000, 0) == (row.unknown_here, row.healed, row.unknown_there)
    [healed] = await setup.rows(HEALED)
    assert (100_000, 100_000) == tuple(healed)
