"""Raw HTTP for tests: exact bytes over a real socket."""

import asyncio


async def exchange(host: str, port: int, request: bytes, *, patience: float = 10) -> bytes:
    """Send `request` unchanged and return the bytes of the answer."""
    reader, writer = await asyncio.open_connection(host, port)
    try:
        writer.write(request)
        await writer.drain()
        async with asyncio.timeout(patience):
            head = await reader.readuntil(b"\r\n\r\n")
            length = next(
                (
                    int(line[15:])
                    for line in head.lower().split(b"\r\n")
                    if line.startswith(b"content-length:")
                ),
                0,
            )
            return head + (
                await reader.readexactly(length) if not request.startswith(b"HEAD") else b""
            )
    finally:
        writer.close()


def status_of(answer: bytes) -> int:
    """Return the status code of an answer."""
    return int(answer.split(b" ", 2)[1])
