"""A Zeus that counts slips and answers badly at random, and a network before it that cuts.

Not the simulator: that one follows the manual, and this one only counts. Each slip is called until
the relay answers 200, as staff would have it sent again.
"""

import asyncio
import random
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlencode

import aiohttp

from app.zeus.application import decode_form
from app.zeus.application_answer import FAILURE, SUCCESS, write_answer

_PAGE = b"<html><head><title>Bad Gateway</title></head><body>Success_order</body></html>"


class SlipCounter:
    """Takes applications, makes a slip for most, and loses or spoils some answers."""

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance
        self._calls: asyncio.TaskGroup | None = None
        self.call_url = ""
        self.slips: Counter[str] = Counter()
        """Slips by sendid."""
        self.order_nos: dict[str, str] = {}
        """The sendid of each order."""
        self.posts = 0

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Yield the port. At the end every call has been answered with 200."""
        async with asyncio.TaskGroup() as self._calls:
            server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
            try:
                yield int(server.sockets[0].getsockname()[1])
            finally:
                server.close()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).lower()
            length = int(head.partition(b"content-length:")[2].split(b"\r\n")[0])
            body = await reader.readexactly(length)
            await self._apply(decode_form(body).values, writer)
        except (OSError, EOFError):
            pass  # the network between cut it
        finally:
            writer.close()

    async def _apply(self, values: Mapping[str, str], writer: asyncio.StreamWriter) -> None:
        self.posts += 1
        fate = self._chance.random()
        if fate < 0.03:
            return await _answer(writer, write_answer({"rel": FAILURE, "error_code": "0013"}))
        answer = self._slip(values)
        if fate < 0.08:
            return None  # the slip is made, and the answer is lost
        if fate < 0.11:
            return await _answer(writer, answer, cut=self._chance.randrange(len(answer)))
        if fate < 0.13:
            return await _answer(writer, _PAGE, status=b"502 Bad Gateway")
        if fate < 0.15:
            await asyncio.sleep(self._chance.uniform(0.5, 3))  # beyond the relay's patience
        return await _answer(writer, answer)

    def _slip(self, values: Mapping[str, str]) -> bytes:
        self.slips[values["sendid"]] += 1
        order_no = f"1234-{len(self.order_nos):05}-00000"
        self.order_nos[order_no] = values["sendid"]
        numbers = {"pay_no1": f"{len(self.order_nos):011}", "pay_limit": "20991231"}
        assert self._calls
        echoed = {name: values.get(name, "") for name in ("clientip", "money", "pay_cvs")}
        about = {"sendid": values["sendid"], "sendpoint": values["sendpoint"]}
        call = {**echoed, **about, **numbers, "order_no": order_no, "status": "01"}
        self._calls.create_task(self._call(call, self._chance.choice((0, 0, 0.1, 1))))
        return write_answer({"rel": SUCCESS, "order_no": order_no, **numbers})

    async def _call(self, values: Mapping[str, str], delay: float) -> None:
        await asyncio.sleep(delay)
        timeout = aiohttp.ClientTimeout(total=40)
        async with aiohttp.ClientSession(timeout=timeout) as client:
            while True:
                with suppress(aiohttp.ClientError, TimeoutError):
                    async with client.get(f"{self.call_url}?{urlencode(values)}") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.5)


async def _answer(
    writer: asyncio.StreamWriter, body: bytes, *, status: bytes = b"200 OK", cut: int | None = None
) -> None:
    head = b"HTTP/1.1 %b\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % (status, len(body))
    writer.write(head + body[:cut])
    await writer.drain()


class CuttingNetwork:
    """Passes connections on to `port`, and cuts some of them at a random byte."""

    def __init__(self, port: int, chance: random.Random) -> None:
        self._port = port
        self._chance = chance
        self._open: dict[asyncio.Task[None], list[asyncio.StreamWriter]] = {}
        self.cuts = 0
        self.down = False
        """Whether it refuses every connection."""

    @asynccontextmanager
    async def listening(self) -> AsyncIterator[int]:
        """Yield the port to connect to."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        try:
            yield int(server.sockets[0].getsockname()[1])
        finally:
            server.close()
            for writers in self._open.values():
                for writer in writers:
                    writer.transport.abort()
            if self._open:
                await asyncio.wait([*self._open])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._open[task] = [writer]
        try:
            await self._pass(reader, writer, self._open[task])
        except OSError:
            pass  # whoever it was is gone
        finally:
            for one in self._open.pop(task):
                one.close()

    async def _pass(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        writers: list[asyncio.StreamWriter],
    ) -> None:
        if self.down:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", self._port)
        writers.append(back)
        cut = self._chance.randrange(900) if self._chance.random() < 0.1 else None
        left = [cut]

        async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
            with suppress(OSError):
                while data := await source.read(200):
                    if left[0] is not None:
                        data, left[0] = data[: left[0]], left[0] - len(data)
                    target.write(data)
                    await target.drain()
                    if left[0] is not None and left[0] <= 0:
                        self.cuts += 1
                        writer.transport.abort()
                        back.transport.abort()
                        return

        async def there_and_end() -> None:
            await copy(there, writer)
            writer.close()

        await asyncio.gather(copy(reader, back), there_and_end())
