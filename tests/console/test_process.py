"""Console in the real process, on the same listener as the API."""

from pathlib import Path

import aiohttp

from tests.console.console_setup import ConsoleClient
from tests.processes import ADMIN_TOKEN, processes, service_settings


async def test_the_private_listener_serves_console_and_api(
    database_url: str, tmp_path: Path
) -> None:
    with processes(tmp_path) as starter:
        process = starter.start("operate", **service_settings(database_url))
        host, port = await process.ready("operator")
        jar = aiohttp.CookieJar(unsafe=True)
        async with aiohttp.ClientSession(cookie_jar=jar) as session:
            client = ConsoleClient(session, f"http://{host}:{port}")
            assert (
                "application/problem+json"
                == (await client.get("/v1/no-such-thing")).headers["content-type"]
            )
            assert "alive\n" == (await client.get("/healthz")).text
            assert 303 == (await client.get("/")).status
            assert 303 == (await client.sign_in(ADMIN_TOKEN)).status
            for path in ("/", "/orders", "/attention", "/subscribers", "/settings"):
                page = await client.get(path)
                assert (200, "text/html; charset=utf-8") == (
                    page.status,
                    page.headers["content-type"],
                ), path
            style = page.text.partition('rel="stylesheet" href="')[2].partition('"')[0]
            assert (200, "text/css; charset=utf-8") == (
                (sheet := await client.get(style)).status,
                sheet.headers["content-type"],
            )
        assert ADMIN_TOKEN not in process.log_text()
