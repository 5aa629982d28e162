"""Downloads: whole files, broken ones, and clients that take nothing."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import pytest
from starlette.requests import ClientDisconnect, Request
from starlette.types import Message

from app.downloads import Chunks, CsvResponse, DownloadResponse, download
from app.main.process.listeners import HttpListener


class Source:
    """Chunks of a file; `closed` tells that nobody holds them any more."""

    def __init__(self, count: int, *, fails: bool = False) -> None:
        self.closed = False
        self._count = count
        self._fails = fails

    async def chunks(self) -> Chunks:
        try:
            for _ in range(self._count):
                yield b"x" * 10_000
            if self._fails:
                raise ConnectionError
        finally:
            self.closed = True


@asynccontextmanager
async def _serving(source: Source) -> AsyncIterator[str]:
    async def application(scope: object, receive: object, send: object) -> None:
        response = await download(CsvResponse, source.chunks(), "a.csv")
        await response(scope, receive, send)  # type: ignore[arg-type]

    listener = HttpListener(application, "127.0.0.1", 0)
    running = asyncio.create_task(listener.run())
    try:
        yield f"http://{listener.address}/"
    finally:
        listener.stop()
        await running


async def test_a_file_arrives_whole() -> None:
    source = Source(30)
    async with _serving(source) as url, aiohttp.ClientSession() as client, client.get(url) as got:
        assert 300_000 == len(await got.read())
        assert 'attachment; filename="a.csv"' == got.headers["content-disposition"]
    assert source.closed


async def test_a_file_that_fails_midway_never_looks_complete() -> None:
    source = Source(30, fails=True)
    async with _serving(source) as url, aiohttp.ClientSession() as client, client.get(url) as got:
        assert 200 == got.status
        with pytest.raises(aiohttp.ClientError):
            await got.read()
    assert source.closed


async def test_an_error_before_the_first_chunk_raises() -> None:
    source = Source(0, fails=True)
    with pytest.raises(ConnectionError):
        await download(CsvResponse, source.chunks(), "a.csv")
    assert source.closed


async def test_a_client_that_takes_nothing_is_given_up() -> None:
    class Impatient(DownloadResponse):
        stall_s = 0.05

    async def never(_: Message) -> None:
        await asyncio.sleep(60)

    source = Source(30)
    response = await download(Impatient, source.chunks(), "a.csv")
    scope = {"type": "http", "asgi": {"spec_version": "2.4"}}
    with pytest.raises(ClientDisconnect):
        await response(scope, Request(scope).receive, never)
    assert source.closed
