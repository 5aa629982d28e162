"""The doctor's checks of the URL of applications. Nothing is applied for."""

from datetime import timedelta
from email.utils import format_datetime

from app.clock import now
from app.operations.doctor.applications import check_applications
from app.operations.doctor.findings import Level
from app.settings import Settings
from tests.simulator.simulator_server import listening, saying

CODE = "2012000001"


def settings(url: str | None, *codes: str) -> Settings:
    return Settings.model_validate({"application_url": url, "ip_codes": list(codes)})


async def levels(given: Settings) -> list[tuple[Level, str]]:
    return [(found.level, found.message) for found in await check_applications(given)]


def answer(seconds: float = 0) -> bytes:
    date = format_datetime(now() + timedelta(seconds=seconds), usegmt=True)
    return f"HTTP/1.1 405 No\r\nDate: {date}\r\nContent-Length: 0\r\n\r\n".encode()


async def test_without_a_url_there_is_nothing_to_say() -> None:
    assert [] == await check_applications(settings(None))


async def test_a_server_that_answers_is_good_and_gets_no_application() -> None:
    async with listening(saying(answer())) as server:
        ((level, _),) = await levels(settings(server.url("/cgi-bin/cvs.cgi"), CODE))
    assert Level.OK is level
    assert server.requests[0].startswith(b"HEAD /cgi-bin/cvs.cgi ")


async def test_a_clock_that_differs_is_told() -> None:
    async with listening(saying(answer(3_600))) as server:
        _, (level, message) = await levels(settings(server.url(), CODE))
    assert Level.WARNING is level
    assert "clock" in message


async def test_a_missing_code_is_told() -> None:
    async with listening(saying(answer())) as server:
        (level, _), _ = await levels(settings(server.url()))
    assert Level.WARNING is level


async def test_what_cannot_be_reached_is_an_error() -> None:
    for url in ("http://127.0.0.1:1/", "https://zeus.invalid/", "http://192.0.2.1/"):
        ((level, _),) = await levels(settings(url, CODE))
        assert Level.ERROR is level, url


async def test_a_server_without_tls_is_an_error() -> None:
    async with listening(saying(answer())) as server:
        ((level, _),) = await levels(settings(server.url().replace("http", "https", 1), CODE))
    assert Level.ERROR is level
