"""Logs at DEBUG and metrics show no personal data, source address or secret of a call."""

import json
from pathlib import Path
from urllib.parse import quote

import aiohttp

from tests.operations.operations_setup import CALL_VALUES, EMAIL, NAME, ORDER_NO, TELNO
from tests.processes import ADMIN_TOKEN, Process, processes, service_settings
from tests.raw_http import exchange

TOKEN = "k3VQ8mZ1xWb7Tn5cRj9uYd2L"
SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="
SOURCE, UNKNOWN = "192.0.2.10", "198.51.100.7"
FORBIDDEN = (
    NAME,
    quote(NAME),
    quote(NAME.encode("cp932")),
    "コンビニ",
    TELNO,
    EMAIL,
    quote(EMAIL),
    SOURCE,
    UNKNOWN,
    TOKEN,
    SECRET,
    ADMIN_TOKEN,
)


def _query(**values: str) -> bytes:
    return "&".join(
        f"{name}={quote(value.encode('cp932'))}"
        for name, value in {**CALL_VALUES, **values}.items()
    ).encode()


async def _call(
    address: tuple[str, int],
    query: bytes,
    source: str = SOURCE,
    path: str = f"/zeus/notify/{TOKEN}",
) -> bytes:
    head = (
        f"GET {path}?".encode()
        + query
        + b" HTTP/1.0\r\nX-Forwarded-For: "
        + source.encode()
        + b"\r\n\r\n"
    )
    return await exchange(*address, head)


async def _play(address: tuple[str, int]) -> None:
    """Send calls of every kind: accepted, repeated, conflicting, quarantined, rejected, broken."""
    for query in (
        _query(),
        _query(status="04"),
        _query(status="04"),
        _query(status="04", money="1"),
        _query(status="99"),
        _query(order_no=""),
    ):
        assert (await _call(address, query)).startswith(b"HTTP/1.1 200")
    assert (await _call(address, _query(), source=UNKNOWN)).startswith(b"HTTP/1.1 403")
    await _call(address, _query(), path="/zeus/notify/wrong-token-wrong-token")
    await _call(address, _query(username="").replace(b"username=", b"username=\x83R\x83\x93\xff"))
    await exchange(*address, b"BREW /zeus/notify?" + _query() + b" HTTP/1.0\r\n\r\n")


async def _all_logged(service: Process) -> None:
    await service.logged("needs_attention", verdict="quarantined")
    await service.logged("needs_attention", verdict="conflict")
    await service.logged("sample_kept")
    await service.logged("webhook_attempted", outcome="refused")


async def test_logs_and_metrics_show_nothing_personal(tmp_path: Path, database_url: str) -> None:
    declared = [
        {"name": "shop", "url": "http://127.0.0.1:65009/hooks", "secret": SECRET, "customer": True}
    ]
    settings = service_settings(database_url) | {
        "LOG_LEVEL": "DEBUG",
        "NOTIFY_TOKEN": TOKEN,
        "ALLOWED_SOURCES": "192.0.2.0/24",
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "SUBSCRIBERS": json.dumps(declared),
        "ALERT_URL": "http://127.0.0.1:65009/secret-of-the-url",
    }
    with processes(tmp_path) as starter:
        service = starter.start("up", **settings)
        address = await service.ready("receiver")
        await _play(address)
        await _all_logged(service)
        host, port = await service.address_of("operator")
        async with (
            aiohttp.ClientSession() as client,
            client.get(f"http://{host}:{port}/metrics") as response,
        ):
            shown = await response.text()
        service.terminate()
        assert 0 == await service.ended(), service.log_text()
    logs = service.log_text()
    assert {"call_recorded", "notice_judged", "event_made"} <= {
        str(line["event"]) for line in service.events()
    }
    assert [] == [word for word in (*FORBIDDEN, "secret-of-the-url") if word in logs]
    assert [] == [word for word in (*FORBIDDEN, ORDER_NO) if word in shown]
