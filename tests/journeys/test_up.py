"""`zeus-relay up` on an empty machine: embedded Postgres, generated keys, one command."""

import asyncio
import json
import os
import signal
from pathlib import Path

import aiohttp

from app.db.connections import connect
from app.simulator.player.orders import build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS
from app.simulator.player.target import target_of
from tests.processes import Starter, processes, service_settings
from tests.subscriber import subscriber

SETTINGS = {
    "PUBLIC_PORT": "0",
    "OPERATOR_PORT": "0",
    "SUBSCRIBER_NETWORKS": "127.0.0.0/8",
    "ALLOW_HTTP_SUBSCRIBERS": "true",
}
SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="


async def _play_one_order(starter: Starter, seed: int, settings: dict[str, str]) -> tuple[str, str]:
    """Start `up`, play one order, stop it; return its order_no and the API's answer about it."""
    service = starter.start("up", **settings)
    host, port = await service.ready("receiver")
    operator_host, operator_port = await service.ready("operator")
    [order] = build_run((SCENARIOS["usual"],), 1, seed=seed)
    assert (await play(target_of(f"http://{host}:{port}/zeus/notify"), [order])).mails == 0
    await service.logged("working")
    token = (service.log_file.parent / "data" / "admin-token").read_text().strip()
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {token}"}) as client:
        while True:
            async with client.get(
                f"http://{operator_host}:{operator_port}/v1/orders/{order.order_no}"
            ) as response:
                text = await response.text()
                order_now = json.loads(text).get("order")  # null until its first call is judged
                if order_now is not None and order_now["state"] == "confirmed":
                    break
            await asyncio.sleep(0.05)
        assert (await _spool_seen(client, f"http://{operator_host}:{operator_port}"))[
            "records"
        ] == 0
    service.terminate()
    assert await service.ended() == 0, service.log_text()
    return order.order_no, text


async def _spool_seen(client: aiohttp.ClientSession, base: str) -> dict[str, int]:
    """Wait for the spool in the overview and return it.

    An overview is cached for a moment, so the first may be older than the spool.
    """
    async with asyncio.timeout(20):
        while True:
            async with client.get(f"{base}/v1/overview") as response:
                seen: dict[str, int] | None = (await response.json())["spool"]
            if seen is not None:
                return seen
            await asyncio.sleep(0.2)


async def test_up_needs_no_setup_and_keeps_all_data_over_a_restart(tmp_path: Path) -> None:
    with processes(tmp_path) as starter:
        async with subscriber(SECRET) as merchant:
            settings = {
                **SETTINGS,
                "SUBSCRIBERS": json.dumps(
                    [{"name": "shop", "url": merchant.url, "secret": SECRET}]
                ),
            }
            first, _ = await _play_one_order(starter, 1, settings)
            second, _ = await _play_one_order(starter, 2, settings)
            await merchant.wait_for(8)
            assert {first, second} == set(merchant.events())
            # The subscriber did not ask for personal data.
            assert all("customer" not in event["data"] for _, event in merchant.received)
    for name in ("admin-token", "secret-keys"):
        assert (tmp_path / "data" / name).stat().st_mode & 0o077 == 0


async def test_the_embedded_postgres_stops_with_it_though_processes_were_killed(
    tmp_path: Path,
) -> None:
    with processes(tmp_path) as starter:
        killed = starter.start("up", **SETTINGS)
        await killed.logged("working")
        killed.kill()
        assert _postgres_of(tmp_path)
        service = starter.start("up", **SETTINGS)
        await service.logged("working")
        os.kill(service.second_pid, signal.SIGKILL)
        await service.logged("back_process_ended")
        service.terminate()
        assert await service.ended() == 0, service.log_text()
    assert not _postgres_of(tmp_path)


def _postgres_of(directory: Path) -> bool:
    return (directory / "data" / "postgres" / "postmaster.pid").exists()


async def test_a_wrong_setting_stops_the_start_with_a_text_and_no_traceback(tmp_path: Path) -> None:
    with processes(tmp_path) as starter:
        service = starter.start("up", **SETTINGS, ALLOWED_SOURCES="everybody")
        assert await service.ended() == 2
    assert service.log_text().startswith("RELAY_ALLOWED_SOURCES: ")
    assert "Example: RELAY_ALLOWED_SOURCES=" in service.log_text()
    assert "Traceback" not in service.log_text()


async def test_a_taken_port_stops_the_start_with_a_text(tmp_path: Path) -> None:
    with processes(tmp_path) as starter:
        first = starter.start("up", **SETTINGS)
        _, port = await first.ready("receiver")
        second = starter.start("up", **{**SETTINGS, "PUBLIC_PORT": str(port)})
        assert await second.ended() == 2
    assert f"cannot listen on 127.0.0.1:{port}" in second.log_text()
    assert "Traceback" not in second.log_text()


async def test_a_recorded_call_is_judged_at_once(database_url: str, tmp_path: Path) -> None:
    """The worker passes over NOTIFYs of its receiver; its poll would take half a second."""
    waits = "SELECT extract(epoch FROM judged_at - received_at)::float8 FROM notices"
    with processes(tmp_path) as starter:
        service = starter.start("up", **service_settings(database_url))
        host, port = await service.ready("receiver")
        await service.logged("working")
        connection = await connect(database_url)
        async with aiohttp.ClientSession() as client:
            for number in range(11):
                url = f"http://{host}:{port}/zeus/notify?order_no=A-{number}&status=01"
                async with client.get(url) as answer:
                    assert 200 == answer.status
                await asyncio.sleep(0.23)
        async with asyncio.timeout(20):
            while await connection.fetchval("SELECT count(*) FROM notices WHERE verdict IS NULL"):
                await asyncio.sleep(0.1)
        seconds = sorted(row[0] for row in await connection.fetch(waits))
        await connection.close()
    assert 11 == len(seconds)
    assert seconds[5] < 0.2
