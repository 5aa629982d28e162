"""Downloads: answers that are sent while they are made, and end when the client is gone.

A module of its own, since API and console share it.
"""

import asyncio
from collections.abc import AsyncGenerator
from contextlib import aclosing
from http import HTTPStatus

from starlette.responses import StreamingResponse
from starlette.types import Message, Receive, Scope, Send

Chunks = AsyncGenerator[bytes, None]


class DownloadResponse(StreamingResponse):
    """Answer with a file, chunk by chunk.

    After an error it ends as a broken connection, so no client takes the file for complete.
    """

    stall_s = 60.0
    """Longest time in which a client takes nothing. A database connection waits for it."""

    def __init__(self, first: bytes, rest: Chunks, name: str) -> None:
        """Take the first chunk, the generator of the others, and the name of the file."""
        headers = {
            "content-disposition": f'attachment; filename="{name}"',
            "cache-control": "no-store",
        }
        super().__init__(_joined(first, rest), HTTPStatus.OK, headers)
        self._rest = rest

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Send the chunks, and close their generator in any case."""

        async def send_in_time(message: Message) -> None:
            await asyncio.wait_for(send(message), self.stall_s)

        async with aclosing(self._rest):
            await super().__call__(scope, receive, send_in_time)


class CsvResponse(DownloadResponse):
    """CSV, in UTF-8 with a byte order mark."""

    media_type = "text/csv"


class JsonLinesResponse(DownloadResponse):
    """JSON Lines: one JSON value on each line."""

    media_type = "application/jsonl"


async def download(kind: type[DownloadResponse], chunks: Chunks, name: str) -> DownloadResponse:
    """Return the answer when its first chunk is there. An error until then raises."""
    try:
        first = await anext(chunks)
    except BaseException:
        await chunks.aclose()
        raise
    return kind(first, chunks, name)


async def _joined(first: bytes, rest: Chunks) -> Chunks:
    yield first
    async for chunk in rest:
        yield chunk
