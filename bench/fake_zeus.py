"""Zeus for the bench: takes every application after a fixed time of its own, and makes no call."""

import argparse
import asyncio
import itertools
from contextlib import suppress

import uvloop

from app.zeus.application_answer import SUCCESS, write_answer

OWN_SECONDS = 0.25
"""Time that it takes for an answer. Zeus itself takes longer."""
_READY = b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\nconnection: close\r\n\r\n"
_serial = itertools.count(1)


async def _answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(OSError, EOFError):
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):  # is it ready?
            writer.write(_READY)
        else:
            length = head.lower().partition(b"content-length:")[2].split(b"\r\n")[0]
            await reader.readexactly(int(length))
            await asyncio.sleep(OWN_SECONDS)
            writer.write(_accepted())
        await writer.drain()
    writer.close()


def _accepted() -> bytes:
    number = next(_serial)
    values = {"rel": SUCCESS, "order_no": f"1234-{number:08}", "pay_no1": f"{number:011}"}
    body = write_answer({**values, "pay_limit": "20991231"})
    return b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\nconnection: close\r\n\r\n%b" % (
        len(body),
        body,
    )


async def serve(port: int) -> None:
    """Serve until the process ends."""
    server = await asyncio.start_server(_answer, "127.0.0.1", port, backlog=1_024)
    await server.serve_forever()


def main() -> None:
    """Listen on the port of the command line."""
    parser = argparse.ArgumentParser(description="Zeus for the bench.")
    parser.add_argument("port", type=int)
    uvloop.run(serve(parser.parse_args().port))


if __name__ == "__main__":
    main()
