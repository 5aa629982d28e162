"""Metrics of the database's state: only the operator role exposes them."""

from pathlib import Path

import aiohttp

from tests.processes import processes, service_settings


async def _metrics(host: str, port: int) -> str:
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"http://{host}:{port}/metrics") as response,
    ):
        return await response.text()


async def test_only_the_operator_role_exposes_the_snapshot(
    tmp_path: Path, database_url: str
) -> None:
    settings = service_settings(database_url)
    with processes(tmp_path) as starter:
        operator = starter.start("operate", **settings)
        receiver = starter.start("receive", **settings, METRICS_PORT="0")
        shown = ""
        while "zeus_relay_measured_timestamp_seconds" not in shown:
            shown = await _metrics(*await operator.ready("operator"))
        assert "\nzeus_relay_unjudged_notices 0.0\n" in shown
        silent = await _metrics(*await receiver.address_of("health"))
        assert "zeus_relay_unjudged_notices" not in silent
        assert "zeus_relay_build_info{" in silent
        operator.terminate()
        assert 0 == await operator.ended(), operator.log_text()
