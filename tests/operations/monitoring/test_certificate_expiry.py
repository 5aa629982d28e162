"""Certificate of the public URL: read even if it is not trusted, and its expiry as a metric."""

import asyncio
import ssl
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address, ip_network
from pathlib import Path

import pytest

from app import metrics
from app.network.address_rules import Address
from app.network.certificates import SECONDS, look_at_certificate, look_up_certificate
from app.network.resolver import VettingResolver
from app.operations.monitoring import snapshot_gauges
from app.operations.monitoring.certificate_expiry import CertificateWatch
from tests.forwarding.hostile_server import answering, hang, server_tls, serving


def _days_left(moment: datetime) -> float:
    return (moment - datetime.now(UTC)) / timedelta(days=1)


async def test_a_trusted_certificate_has_no_error(tmp_path: Path) -> None:
    tls, trusted = server_tls(tmp_path, "127.0.0.1", days=20)
    async with serving(answering(b"200 OK"), tls) as port:
        seen = await look_at_certificate(
            "127.0.0.1", port, ssl.create_default_context(cafile=trusted)
        )
    assert seen.error is None
    assert _days_left(seen.expires_at) == pytest.approx(20, abs=0.1)


@pytest.mark.parametrize(
    ("name", "days", "error"),
    [("127.0.0.1", -1, "expired"), ("shop.example", 20, "mismatch")],
)
async def test_the_expiry_of_an_untrusted_certificate_is_read(
    tmp_path: Path, name: str, days: int, error: str
) -> None:
    tls, trusted = server_tls(tmp_path, name, days=days)
    async with serving(answering(b"200 OK"), tls) as port:
        seen = await look_at_certificate(
            "127.0.0.1", port, ssl.create_default_context(cafile=trusted)
        )
    assert error in (seen.error or "")
    assert _days_left(seen.expires_at) == pytest.approx(days, abs=0.1)


async def test_no_handshake_is_an_error() -> None:
    async with serving(answering(b"200 OK")) as port:
        with pytest.raises(OSError):
            await look_at_certificate("127.0.0.1", port)


async def test_the_expiry_becomes_a_metric(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    snapshot_gauges.expose()
    tls, _ = server_tls(tmp_path, "127.0.0.1", days=9)
    async with serving(hang, tls) as port:
        await CertificateWatch(f"https://127.0.0.1:{port}/zeus/notify")()
    line = next(
        line
        for line in metrics.exposition().decode().splitlines()
        if line.startswith("zeus_relay_public_certificate_expiry")
    )
    assert 'host="127.0.0.1"' in line
    assert pytest.approx(9, abs=0.1) == _days_left(
        datetime.fromtimestamp(float(line.split()[1]), UTC)
    )
    await CertificateWatch("https://127.0.0.1:1/zeus/notify")()
    assert "certificate_not_seen" in "".join(capsys.readouterr())


async def test_a_silent_name_server_blocks_neither_the_watch_nor_threads_of_the_loop(
    capsys: pytest.CaptureFixture[str],
) -> None:
    asyncio.get_running_loop().set_default_executor(ThreadPoolExecutor(1))
    answers = threading.Event()

    def silent(host: str) -> list[Address]:
        answers.wait(60)
        return []

    watching = asyncio.create_task(CertificateWatch("https://pay.example/hook", lookup=silent)())
    await asyncio.sleep(0.1)
    assert 1 == await asyncio.wait_for(asyncio.to_thread(lambda: 1), 5)
    await asyncio.wait_for(watching, SECONDS + 10)
    assert "certificate_not_seen" in "".join(capsys.readouterr())
    answers.set()


async def test_the_first_address_that_answers_shows_the_certificate(tmp_path: Path) -> None:
    tls, trusted = server_tls(tmp_path, "pay.example", days=20)
    nobody, shop = ip_address("127.0.0.2"), ip_address("127.0.0.1")
    async with serving(answering(b"200 OK"), tls) as port:
        seen = await look_up_certificate(
            "pay.example",
            port,
            VettingResolver([ip_network("127.0.0.0/8")], lambda _host: [nobody, shop]),
            ssl.create_default_context(cafile=trusted),
        )
    assert seen.error is None
