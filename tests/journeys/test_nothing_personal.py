"""Logs, metrics and errors show no customer, no Zeus address and no secret, despite failures."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, quote_plus, urlencode

import aiohttp
import pytest
from aiohttp import web

from app.db.connections import CONNECT_ERRORS, connect
from app.db.migrations import migrate
from app.events.signature import new_private_key, new_secret
from bench.ports import free_port
from tests.processes import ADMIN_TOKEN, KEY, Process, Starter, service_settings
from tests.raw_http import exchange, status_of
from tests.recording.own_server import OwnServer, own_server

NAME, TELNO, EMAIL = "シルシ　ハナコ", "0398765432", "mark.of.test@example.com"
SOURCE, UNKNOWN = "203.0.113.77", "198.51.100.88"
PATH_TOKEN = "k3VQ8mZ1xWb7Tn5cRj9uYd2L"
HEADER = "Bearer marked-header-of-the-shop"
SECRET, PRIVATE_KEY = new_secret(), new_private_key()
USUAL = {
    "clientip": "2012000001",
    "money": "5400",
    "username": NAME,
    "telno": TELNO,
    "email": EMAIL,
    "pay_cvs": "D001",
}


def spellings(text: str) -> Iterator[str]:
    """Yield the spellings in which a value can appear."""
    yield text
    for encoding in ("utf-8", "cp932"):
        raw = text.encode(encoding)
        yield from (quote(raw), quote(raw, safe=""), quote_plus(raw), repr(raw)[2:-1])
        yield raw.decode("latin-1")
    yield json.dumps(text)[1:-1]
    yield from (text.partition("　")[0], text.replace("@", "%2540"))


MARKS = {
    mark
    for text in (
        NAME,
        TELNO,
        EMAIL,
        SOURCE,
        UNKNOWN,
        PATH_TOKEN,
        HEADER,
        SECRET,
        PRIVATE_KEY,
        KEY,
        ADMIN_TOKEN,
    )
    for mark in spellings(text)
    if len(mark) > 3
}


def shown(text: str) -> set[str]:
    """Return the marks in a text."""
    return {mark for mark in MARKS if mark in text}


def test_the_search_finds_marks() -> None:
    for text in (
        f"name={NAME}",
        f"GET /?u={quote(NAME.encode('cp932'))}",
        json.dumps({"telno": TELNO, "name": NAME}),
        repr(NAME.encode()),
    ):
        assert shown(text), text
    assert not shown("order_no=1234-56789-01234 status=04")


@asynccontextmanager
async def failing_shops() -> AsyncIterator[tuple[str, list[bytes]]]:
    """Yield the address of subscribers that echo each webhook and fail, and what they received."""
    arrived: list[bytes] = []

    async def fail(request: web.Request) -> web.Response:
        body = await request.read()
        arrived.append(body)
        if request.match_info["how"] == "reset":
            assert request.transport is not None
            request.transport.abort()
        status = {"gone": 410, "busy": 429, "moved": 302}.get(request.match_info["how"], 500)
        return web.Response(
            body=body, status=status, headers={"location": f"https://shop.example/?{quote(NAME)}"}
        )

    application = web.Application()
    application.router.add_post("/{how}", fail)
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    try:
        yield f"127.0.0.1:{runner.addresses[0][1]}", arrived
    finally:
        await runner.cleanup()


def declared(address: str) -> str:
    """Return subscribers that fail in every way; marked keys sign for the first two."""
    urls = {how: f"http://{address}/{how}" for how in ("error", "gone", "busy", "moved", "reset")}
    urls |= {
        "tls": f"https://{address}/",
        "refused": f"http://127.0.0.1:{free_port()}/",
        "dns": "http://no-such-host.invalid/",
    }
    keys = [SECRET, PRIVATE_KEY, *(new_secret() for _ in urls)]
    shops = [
        {"name": name, "url": url, "customer": True, "secret": key}
        for (name, url), key in zip(urls.items(), keys, strict=False)
    ]
    return json.dumps(shops)


@dataclass
class Service:
    """Processes of receiver, worker and operator on a Postgres server that can be stopped."""

    server: OwnServer
    processes: list[Process]
    public: tuple[str, int]
    operator: str
    metrics: list[str]

    async def call(
        self,
        source: str = SOURCE,
        *,
        body: bytes = b"",
        path: str = f"/zeus/notify/{PATH_TOKEN}",
        query: bytes = b"",
    ) -> int:
        """Send a call like a proxy and return its status."""
        headers = f"Host: relay.example\r\nX-Forwarded-For: {source}\r\nConnection: close\r\n"
        head = f" HTTP/1.1\r\n{headers}".encode()
        if body:
            head += (
                b"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n"
                % len(body)
            )
        target = path.encode() + (b"?" + query if query else b"")
        return status_of(
            await exchange(
                *self.public,
                (b"POST " if body else b"GET ") + target + head + b"\r\n" + body,
                patience=30,
            )
        )

    def logs(self) -> str:
        """Return the logs of all processes."""
        return "\n".join(process.log_text() for process in self.processes)

    async def until_logged(self, *texts: str) -> None:
        async with asyncio.timeout(60):
            while missing := [text for text in texts if text not in self.logs()]:
                del missing
                await asyncio.sleep(0.1)


async def serve(server: OwnServer, address: str, starter: Starter, directory: Path) -> Service:
    await migrate(server.url)
    settings = {
        **service_settings(server.url),
        "TRUSTED_PROXIES": "127.0.0.0/8",
        "ALLOWED_SOURCES": SOURCE,
        "NOTIFY_TOKEN": PATH_TOKEN,
        "IP_CODES": "2012000001",
        "SUBSCRIBERS": declared(address),
        "RETRY_SCHEDULE": "0s,200ms",
        "METRICS_PORT": "0",
        "LOG_LEVEL": "DEBUG",
        "LOG_FORMAT": "json",
        "SPOOL_DIR": str(directory / "spool"),
    }
    receiver, worker, operator = (
        starter.start(role, **settings) for role in ("receive", "work", "operate")
    )
    public = await receiver.ready("receiver")
    side = "{}:{}".format(*await operator.ready("operator"))
    metrics = [
        side,
        *["{}:{}".format(*await process.address_of("health")) for process in (receiver, worker)],
    ]
    return Service(server, [receiver, worker, operator], public, side, metrics)


def usual(encoding: str = "cp932", **values: str) -> bytes:
    return urlencode({**USUAL, **values}, encoding=encoding).encode()


async def calls_of_every_kind(service: Service) -> None:
    """Send valid calls in both encodings and methods, and conflicting, rejected and broken ones."""
    good = [
        usual(order_no="o-1", status="01"),
        usual("utf-8", order_no="o-1", status="04"),
        usual(order_no="o-1", status="04"),
    ]
    odd = [
        usual(order_no="o-1", status="04", money="9999"),  # a conflict
        usual(order_no="o-2", status="99"),
        usual(order_no="o-3", status="04", clientip="2012999999"),
        usual(status="04"),
        usual(order_no="o-4", status="06"),
        usual(order_no="o-5", status="01")
        + b"&username="
        + quote(NAME.encode("cp932")[:-1]).encode(),
        usual(order_no="o-6", status="01")
        + b"&telno="
        + TELNO.encode()
        + b"%00&unknown="
        + quote(NAME).encode(),
        b"username="
        + NAME.encode("cp932")
        + b"&telno="
        + TELNO.encode()
        + b" #&order_no=o-7&status=01",
        usual(order_no="o-8", status="01", sendid="x" * 70_000),
    ]
    for query in (*good, *odd):
        assert 200 == await service.call(query=query)
        assert 200 == await service.call(body=query)
    assert 403 == await service.call(UNKNOWN, query=good[0])
    assert 404 == await service.call(path=f"/zeus/{quote(NAME)}", query=good[0])
    assert 404 == await service.call(path=f"/zeus/notify/{quote(EMAIL)}", query=good[0])
    for broken in (
        b"GARBAGE " + NAME.encode("cp932") + b"\r\n\r\n",
        b"GET /x HTTP/9.9 " + EMAIL.encode() + b"\r\n\r\n",
    ):
        answer = await exchange(*service.public, broken)
        assert not shown(answer.decode("latin-1"))


async def calls_while_the_database_is_away(service: Service) -> None:
    service.server.stop()
    for number in range(5):
        assert 200 == await service.call(query=usual(order_no=f"away-{number}", status="01"))
    service.server.start()


async def given_a_header(service: Service) -> None:
    """Set a secret header for one of the subscribers."""
    url, right = (
        f"http://{service.operator}/v1/subscribers/error",
        {"authorization": f"Bearer {ADMIN_TOKEN}"},
    )
    async with (
        aiohttp.ClientSession() as client,
        client.patch(url, json={"headers": {"x-shop": HEADER}}, headers=right) as answer,
    ):
        assert 200 == answer.status
        assert not shown(await answer.text())


async def asked_wrongly(service: Service) -> list[str]:
    """Return the API's answers to wrong requests of every kind that contain marks."""
    base, right = f"http://{service.operator}/v1", {"authorization": f"Bearer {ADMIN_TOKEN}"}
    shop = {"name": "x", "url": "https://shop.example/"}
    looks = [
        quote(NAME),
        f"orders/{quote(NAME)}",
        f"notices/{TELNO}",
        f"notices?verdict={quote(NAME)}",
        f"orders?money={quote(EMAIL)}",
    ]
    looks += [f"events?cursor={quote(EMAIL)}", f"events?after={TELNO}", f"events?wait={TELNO}"]
    requests: list[tuple[str, str, object]] = [
        *(("GET", f"/{path}", None) for path in looks),
        (
            "POST",
            "/subscribers",
            {"name": NAME, "url": f"https://{EMAIL}/", "secret": SECRET + "!"},
        ),
        ("POST", "/subscribers", {**shop, "headers": {"webhook-id": HEADER}}),
        ("POST", "/subscribers", {**shop, "client_certificate": PRIVATE_KEY}),
        ("POST", "/subscribers", [NAME, TELNO]),
        ("PATCH", "/subscribers/error", {"headers": {"x-shop": f"{HEADER}\n"}}),
        ("PATCH", "/subscribers/error", {"ca": PRIVATE_KEY}),
        (
            "POST",
            "/subscribers/error/rotate-secret",
            {"secret": SECRET[:-3], "overlap_hours": TELNO},
        ),
    ]
    answers = []
    async with aiohttp.ClientSession() as client:
        for method, path, body in requests:
            for headers in (right, {"authorization": f"Bearer {NAME.encode().hex()}"}):
                status = 503  # at first, on connections from before the database went away
                while status == 503:
                    async with client.request(
                        method, base + path, json=body, headers=headers
                    ) as answer:
                        status = answer.status
                        answers.append(await answer.text())
                assert 400 <= status < 500, (method, path, status)
    return answers


async def read_as_viewer(service: Service) -> list[str]:
    """Return lists and details without personal values, and the metrics of every process."""
    texts = []
    async with aiohttp.ClientSession(headers={"authorization": f"Bearer {ADMIN_TOKEN}"}) as client:
        paths = [
            "notices",
            "events",
            "events?after=",
            "outbound-webhooks",
            "orders/o-1",
            "audit",
            "attention",
            "rejected-samples",
        ]
        paths += ["subscribers", "subscribers/error"]
        for url in (
            *(f"{service.operator}/v1/{path}" for path in paths),
            *(f"{address}/metrics" for address in service.metrics),
        ):
            async with client.get(f"http://{url}") as answer:
                assert 200 == answer.status, (url, await answer.text())
                texts.append(await answer.text())
    return texts


async def all_settled(service: Service) -> None:
    """Wait until every notice is judged and every webhook is dead or held."""
    open_ = """SELECT (SELECT count(*) FROM notices WHERE verdict IS NULL)
      + (SELECT count(*) FROM outbound_webhooks w JOIN subscribers s ON s.id = w.subscriber_id
         WHERE w.state = 'pending' AND w.attempts + w.excused = 0 AND s.name = 'error')"""
    async with asyncio.timeout(60):
        while True:
            try:
                connection = await connect(service.server.url)
                left = await connection.fetchval(open_)
                await connection.close()
            except CONNECT_ERRORS:
                left = 1
            if not left:
                return
            await asyncio.sleep(0.2)


@pytest.mark.timeout(240)
async def test_no_output_shows_personal_data(tmp_path: Path, starter: Starter) -> None:
    with own_server(tmp_path / "own") as server:
        async with failing_shops() as (address, arrived):
            service = await serve(server, address, starter, tmp_path)
            await given_a_header(service)
            await calls_of_every_kind(service)
            await all_settled(service)
            await calls_while_the_database_is_away(service)
            await service.until_logged(
                '"needs_attention"', '"webhook_dead"', '"subscriber_paused"', "spool"
            )
            await all_settled(service)
            async with asyncio.timeout(60):
                while not any(
                    b"away-4" in body for body in arrived
                ):  # spooled, drained, judged and sent
                    await asyncio.sleep(0.1)
            answers, texts = await asked_wrongly(service), await read_as_viewer(service)
            for process in service.processes:
                process.terminate()
                await process.ended()
    assert any(NAME.encode() in body for body in arrived)  # they did get what they asked for
    for text in (*answers, *texts, service.logs()):
        found = shown(text)
        assert not found, [
            line[:600] for line in text.splitlines() if any(mark in line for mark in found)
        ][:3]
