"""Time that calls wait before the receiver reads them: it counts as time to the answer."""

import asyncio
import os
import re
import signal
from datetime import datetime, timedelta
from pathlib import Path

import pytest

from app.clock import now
from app.db.connections import connect
from app.network.kernel_queue import IS_KNOWN
from bench.ports import free_port
from tests.processes import processes, service_settings
from tests.raw_http import exchange, status_of
from tests.receiver.receiver_setup import PATH, get

pytestmark = pytest.mark.skipif(not IS_KNOWN, reason="only Linux tells it")

FROZEN_SECONDS = 1.5


async def test_a_call_that_waits_for_a_frozen_receiver_counts_as_slow(
    database_url: str, tmp_path: Path
) -> None:
    port = free_port()
    with processes(tmp_path) as starter:
        receiver = starter.start(
            "receive", **service_settings(database_url) | {"METRICS_PORT": str(port)}
        )
        host, public = await receiver.ready("receiver")
        os.kill(receiver.pid, signal.SIGSTOP)
        frozen_at = now()
        call = get(PATH + b"?order_no=1234-1&status=01")
        waiting = asyncio.create_task(exchange(host, public, call))
        await asyncio.sleep(FROZEN_SECONDS)
        os.kill(receiver.pid, signal.SIGCONT)
        assert status_of(await waiting) == 200
        await asyncio.sleep(1)  # until the event loop was looked at once more
        metrics = (await exchange("127.0.0.1", port, get(b"/metrics"))).decode()
        received_at = await _received_at(database_url)
        receiver.terminate()
        assert await receiver.ended() == 0
    for name in ("arrival_wait_seconds", "answer_seconds"):
        assert FROZEN_SECONDS - 0.2 <= _sum(metrics, name) < FROZEN_SECONDS + 5, name
    assert _sum(metrics, "loop_lag_seconds") > 0.5
    assert re.search(r"^zeus_relay_accept_queue_limit [1-9]", metrics, re.MULTILINE)
    assert received_at - frozen_at < timedelta(seconds=0.5)


async def _received_at(database_url: str) -> datetime:
    """Return the time of the only notice, which may come from the spool a moment later."""
    connection = await connect(database_url)
    try:
        async with asyncio.timeout(10):
            while (found := await connection.fetchval("SELECT received_at FROM notices")) is None:
                await asyncio.sleep(0.05)
    finally:
        await connection.close()
    assert isinstance(found, datetime)
    return found


def _sum(metrics: str, name: str) -> float:
    found = re.search(rf"^zeus_relay_{name}_sum (\S+)", metrics, re.MULTILINE)
    assert found is not None, name
    return float(found[1])
