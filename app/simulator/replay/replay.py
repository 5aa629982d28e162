"""Replay of a recording against a simulated Zeus in this process, over real calls."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from datetime import timedelta

from app.simulator.replay.comparison import (
    ArrivedCall,
    ParityDifference,
    answer_differences,
    call_differences,
    facts_of,
    mail_differences,
)
from app.simulator.replay.recording import (
    Recorded,
    RecordedAction,
    RecordedApplication,
    RecordedCall,
    RecordedMail,
    RecordedWait,
)
from app.simulator.server.application_endpoint import answer
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import SlipNotFound, SlipStore
from app.simulator.state.transitions import ActionNotAllowed
from app.zeus.application_answer import read_answer
from app.zeus.mails import MailKind
from app.zeus.wire import decode

Receive = Callable[[ArrivedCall], int]
_BASE_URL = "http://127.0.0.1"
_MERCHANTS_KINDS = frozenset(MailKind)


class RecordingReplay:
    """One replay: which simulated order stands for which recorded one, and what came of each."""

    def __init__(self, recording: Sequence[Recorded]) -> None:
        self._recording = recording
        self._simulated: dict[str, str] = {}
        self._arrived: dict[str, list[ArrivedCall]] = defaultdict(list)
        self._differences: list[ParityDifference] = []
        self._answers: dict[tuple[str, str], list[int]] = defaultdict(list)
        for call in recording:
            if isinstance(call, RecordedCall):
                values = decode(call.query.encode("cp932", "replace")).values
                key = values.get("order_no", ""), values.get("status", "")
                self._answers[key].append(call.answered)

    async def run(self, settings: SimulatorSettings) -> list[ParityDifference]:
        """Do what the recording says under these settings, and return every difference."""
        async with _receiving(self._receive) as url:
            called = settings.model_copy(update={"call_url": url})
            zeus = SimulatedZeus(SlipStore(), called)
            async with zeus.running():
                for line in self._recording:
                    await self._step(zeus, line)
                    await zeus.idle()
                self._differences += self._of_orders(zeus)
        return self._differences

    async def _step(self, zeus: SimulatedZeus, line: Recorded) -> None:
        if isinstance(line, RecordedApplication):
            self._apply(zeus, line)
        elif isinstance(line, RecordedWait):
            await zeus.advance(timedelta(minutes=line.minutes))
        elif isinstance(line, RecordedAction):
            await self._act(zeus, line)

    def _apply(self, zeus: SimulatedZeus, line: RecordedApplication) -> None:
        reply = answer(zeus, line.body.encode("cp932", "replace"), _BASE_URL)
        recorded = read_answer(200, line.answer.encode("cp932", "replace")).order_no
        if reply.slip:
            self._simulated[recorded or reply.slip.order_no] = reply.slip.order_no
            zeus.accept(reply.slip, reply.magic)
        where = f"application {recorded or 'without a number'}"
        self._differences += answer_differences(where, line.answer, reply.body)

    async def _act(self, zeus: SimulatedZeus, line: RecordedAction) -> None:
        try:
            done = await zeus.act(self._simulated.get(line.order_no, ""), line.action)
        except (SlipNotFound, ActionNotAllowed) as error:
            told = "no such order" if isinstance(error, SlipNotFound) else f"refused: {error}"
            where = f"order {line.order_no}"
            self._differences.append(ParityDifference(where, line.action, "done", told))
            return
        if done.replacement:
            self._match_replacement(done.replacement.order_no)

    def _match_replacement(self, simulated: str) -> None:
        """Let the first recorded order that no application made stand for the re-issued one."""
        known = (number for number, _ in self._answers if number not in self._simulated)
        self._simulated[next(known, simulated)] = simulated

    def _receive(self, call: ArrivedCall) -> int:
        """Keep a call and return the status that the recorded one was answered with."""
        values = decode(call.query).values
        self._arrived[values.get("order_no", "")].append(call)
        recorded = {ours: real for real, ours in self._simulated.items()}
        answers = self._answers[
            recorded.get(values.get("order_no", ""), ""), values.get("status", "")
        ]
        return answers.pop(0) if answers else 200

    def _of_orders(self, zeus: SimulatedZeus) -> Iterator[ParityDifference]:
        calls, mails = self._recorded_by_order()
        for number in dict.fromkeys([*self._simulated, *calls, *mails]):
            ours = self._simulated.get(number, "")
            where = f"order {number}"
            yield from call_differences(where, calls.get(number, []), self._arrived[ours])
            if mails:
                yield from mail_differences(where, mails.get(number, []), _mails(zeus, ours))

    def _recorded_by_order(
        self,
    ) -> tuple[dict[str, list[RecordedCall]], dict[str, list[RecordedMail]]]:
        calls: dict[str, list[RecordedCall]] = defaultdict(list)
        mails: dict[str, list[RecordedMail]] = defaultdict(list)
        for line in self._recording:
            if isinstance(line, RecordedCall):
                values = decode(line.query.encode("cp932", "replace")).values
                calls[values.get("order_no", "")].append(line)
            elif isinstance(line, RecordedMail) and (facts := facts_of(line)):
                mails[facts.order_no or ""].append(line)
        return dict(calls), dict(mails)


def _mails(zeus: SimulatedZeus, order_no: str) -> list[RecordedMail]:
    """Return the simulator's mails to the merchant about an order."""
    sent = zeus.store.mails.of_order(order_no)
    return [
        RecordedMail(type="mail", subject=mail.subject, text=mail.text)
        for mail in sent
        if mail.kind in _MERCHANTS_KINDS
    ]


@contextlib.asynccontextmanager
async def _receiving(receive: Receive) -> AsyncIterator[str]:
    """Listen for calls within this block; yield the URL to call."""

    async def handle(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        status = receive(await _read_call(reader))
        writer.write(b"HTTP/1.0 %d recorded\r\n\r\n" % status)
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(handle, "127.0.0.1", 0, limit=1 << 20)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/"


async def _read_call(reader: asyncio.StreamReader) -> ArrivedCall:
    head = await reader.readuntil(b"\r\n\r\n")
    method, target, version = head.partition(b"\r\n")[0].decode("latin-1").split(" ", 2)
    query = target.partition("?")[2].encode("latin-1")
    fields = {
        name.strip().lower(): value.strip()
        for name, _, value in (line.partition(b":") for line in head.split(b"\r\n")[1:])
    }
    if length := int(fields.get(b"content-length", b"0")):
        query = await reader.readexactly(length)
    return ArrivedCall(method, version.removeprefix("HTTP/"), b"user-agent" in fields, query)
