"""Baseline: the least that lies between a call and its webhook, done by hand in sequence.

For each call: a commit, a NOTIFY that another connection hears, two more commits, and a POST over a
kept connection. No judging, no signature, no queue.
"""

import argparse
import asyncio
import json
import time
from urllib.parse import urlsplit

import asyncpg
import uvloop

from bench.pending import DATA

_CHANNEL = "by_hand"
_TABLE = "CREATE TABLE by_hand (id text PRIMARY KEY, call bytea, event json, sent timestamptz)"
_RECORD = "INSERT INTO by_hand (id, call) VALUES ($1, $2)"
_JUDGE = "UPDATE by_hand SET event = $2 WHERE id = $1"
_LEASE = "UPDATE by_hand SET sent = now() WHERE id = $1"
_CALL = bytes(400)


class Chain:
    """The connections of one sequence, and the sequence itself."""

    def __init__(
        self,
        recorder: "asyncpg.Connection[asyncpg.Record]",
        worker: "asyncpg.Connection[asyncpg.Record]",
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        path: str,
    ) -> None:
        """Post to `path` by `writer`, and read the answers from `reader`."""
        self._recorder, self._worker = recorder, worker
        self._reader, self._writer = reader, writer
        self._path = path
        self.heard = asyncio.Event()

    async def forward(self, order_no: str) -> None:
        """Take one call from its first commit to its POST, and read the answer."""
        self.heard.clear()
        await self._recorder.execute(_RECORD, order_no, _CALL)
        await self._recorder.execute(f"NOTIFY {_CHANNEL}")
        await self.heard.wait()
        body = DATA.replace("ORDER-NO", order_no)
        await self._worker.execute(_JUDGE, order_no, body)
        await self._worker.execute(_LEASE, order_no)
        head = f"POST {self._path} HTTP/1.1\r\nHost: sink\r\nContent-Length: {len(body.encode())}"
        self._writer.write(f"{head}\r\n\r\n{body}".encode())
        await self._reader.readuntil(b"\r\n\r\nOK")


async def play(database_url: str, url: str, rate: float, count: int) -> dict[str, float]:
    """Forward `count` calls, `rate` a second. Return when each was due, by the monotonic clock."""
    recorder, listener, worker = [await asyncpg.connect(database_url) for _ in range(3)]
    await recorder.execute(_TABLE)
    target = urlsplit(url)
    reader, writer = await asyncio.open_connection(target.hostname, target.port)
    chain = Chain(recorder, worker, reader, writer, target.path)
    await listener.add_listener(_CHANNEL, lambda *_: chain.heard.set())
    began = time.monotonic()
    due = {f"hand-{number}": began + number / rate for number in range(count)}
    for order_no, moment in due.items():
        await asyncio.sleep(max(moment - time.monotonic(), 0))
        await chain.forward(order_no)
    writer.close()
    for connection in (recorder, listener, worker):
        await connection.close()
    return due


def main() -> None:
    """Forward to the URL of the command line, and print when each call was due as JSON."""
    parser = argparse.ArgumentParser(description="Forward calls by hand.")
    parser.add_argument("database")
    parser.add_argument("url")
    parser.add_argument("rate", type=float)
    parser.add_argument("count", type=int)
    arguments = parser.parse_args()
    due = uvloop.run(play(arguments.database, arguments.url, arguments.rate, arguments.count))
    print(json.dumps(due))


if __name__ == "__main__":
    main()
