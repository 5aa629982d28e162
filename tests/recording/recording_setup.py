"""Setup of the recording tests: invented notices, a running fallback chain, rows of the table."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import UUID

from app.clock import now, uuid7
from app.db.connections import connect
from app.db.lanes import lane_of
from app.recording.fallback import DATABASE_SHARE, FallbackChain
from app.recording.notice import RawNotice
from app.recording.postgres.appender import Appender
from app.recording.spool.drainer import Drainer
from app.recording.spool.regular_files import open_regular
from app.recording.spool.segment_reader import Remains, read_batches
from app.recording.spool.segments import Segment, list_segments
from app.recording.spool.spool import Spool

LIMIT = 1 << 30


def make_notice(number: int = 0, *, method: str = "GET", body: bytes = b"") -> RawNotice:
    """Return a notice of an invented customer."""
    order_no = f"1234-56789-{number:05}"
    query = (
        f"order_no={order_no}&status=04&username=%83R%83%93%83r%83j"
        "&telno=0312345678&email=taro%40example.com"
    )
    return RawNotice(
        id=uuid7(),
        lane=lane_of(order_no),
        received_at=now(),
        source="192.0.2.7",
        method=method,
        target=b"/zeus/notify?" + query.encode(),
        headers=b"host: relay.example\r\n",
        body=body,
    )


@dataclass(frozen=True, slots=True)
class Running:
    """A running fallback chain with its parts."""

    chain: FallbackChain
    appender: Appender
    spool: Spool


@asynccontextmanager
async def running_chain(
    url: str, directory: Path, *, drains: bool = True, limit: int = LIMIT, **options: Any
) -> AsyncIterator[Running]:
    """Yield a running fallback chain, without a drainer if `drains` is False."""
    appender = Appender(
        url, on_commit=lambda: None, share=options.get("budget", 5.0) * DATABASE_SHARE
    )
    spool = Spool(directory, limit=limit)
    chain = FallbackChain(appender, spool, **options)
    drainer = Drainer(url, directory, spool=spool, worth_trying=lambda: appender.breaker.available)
    jobs = [appender.run(), spool.run(), *([drainer.run()] if drains else [])]
    tasks = [asyncio.create_task(job) for job in jobs]
    try:
        yield Running(chain, appender, spool)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await spool.close()


def read_segment(segment: Segment) -> tuple[list[RawNotice], Remains]:
    """Return a segment's notices, and everything else in it."""
    descriptor, remains = open_regular(segment.path), Remains()
    try:
        batches = list(read_batches(descriptor, segment, remains, size=100))
    finally:
        os.close(descriptor)
    return [found.notice for batch in batches for found in batch], remains


def ids_in(directory: Path) -> list[str]:
    """Return the ids in a directory's segments, in order."""
    return [
        str(notice.id)
        for segment in list_segments(directory)
        for notice in read_segment(segment)[0]
    ]


async def stored_ids(url: str) -> list[UUID]:
    """Return the ids of all notices, in order."""
    connection = await connect(url)
    try:
        return [row["id"] for row in await connection.fetch("SELECT id FROM notices ORDER BY id")]
    finally:
        await connection.close()


async def until(condition: Any, seconds: float = 10.0) -> None:
    """Return once `condition`, plain or async, is true. Fails after some seconds."""
    async with asyncio.timeout(seconds):
        while True:
            answer = condition()
            if await answer if asyncio.iscoroutine(answer) else answer:
                return
            await asyncio.sleep(0.05)


async def gather_appends(chain: FallbackChain, notices: list[RawNotice]) -> None:
    """Append all concurrently and wait for each."""
    await asyncio.gather(*(chain.append(notice) for notice in notices))
