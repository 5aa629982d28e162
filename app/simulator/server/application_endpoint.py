"""Endpoint /cgi-bin/cvs.cgi of the simulator: takes and answers applications in Shift_JIS."""

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from starlette.types import Receive, Scope, Send

from app.simulator.server.magic import Magic, magic_of
from app.simulator.server.slips import failed_slip, new_slip
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.faults import AnswerFaults
from app.simulator.state.settings import ALL_FAULTS, SimulatorSettings
from app.simulator.state.store import Slip
from app.zeus.application import FIELDS, ApplicationFault, Rule, decode_form, faults_of, is_test
from app.zeus.application_answer import FAILURE, SUCCESS, write_answer

MAX_BODY_BYTES = 64 * 1024
_TEXT = b"text/plain; charset=Shift_JIS"
_HTML = (
    "<html><head><title>503</title></head><body>ただいまメンテナンス中です</body></html>".encode(
        "cp932"
    )
)


@dataclass(frozen=True, slots=True)
class Reply:
    """Answer to an application: its body, the faults that spoil it, and the new order, if any.

    `broken_rules` are told in the header x-simulator-faults, since Zeus's own answer names none.
    """

    body: bytes
    faults: AnswerFaults
    slip: Slip | None = None
    magic: Magic | None = None
    broken_rules: tuple[ApplicationFault, ...] = ()


def answer(zeus: SimulatedZeus, body: bytes, base_url: str) -> Reply:
    """Decide on an application by the manual's rules; the caller keeps the slip.

    `base_url` is where the simulator is reached: pay_url leads to its own page of the slip.
    """
    form = decode_form(body)
    values = form.values
    faults = _faults([*form.faults, *_beyond(values, zeus.settings)], values)
    magic = magic_of(values)
    spoiled = (magic.answer if magic else None) or zeus.settings.faults.answers
    if magic and magic.rejected_parameter:
        return Reply(_rejection(magic.rejected_parameter, zeus.settings), spoiled)
    if faults and _names_parameter(faults[0], zeus.settings):
        rejection = _rejection(faults[0].parameter, zeus.settings)
        return Reply(rejection, spoiled, broken_rules=tuple(faults))
    if code := _error_code(values, faults, magic, zeus.settings):
        return replace(_failure(zeus, values, code, spoiled), broken_rules=tuple(faults))
    slip = new_slip(
        zeus.store.next_number(), values, zeus.settings, zeus.clock.now(), f"{base_url}/pay"
    )
    return Reply(write_answer(_success(slip)), spoiled, slip, magic)


def _faults(
    of_bytes: Iterable[ApplicationFault], values: Mapping[str, str]
) -> list[ApplicationFault]:
    """Return what is wrong with an application, in the manual's order.

    One test parameter without the other is no fault: the application is real (manual, test).
    """
    faults = [*of_bytes, *faults_of(values)]
    order = list(FIELDS)
    ours = [fault for fault in faults if fault.rule is not Rule.BOTH_TEST_PARAMETERS]
    return sorted(ours, key=lambda fault: order.index(fault.parameter))


def _names_parameter(fault: ApplicationFault, settings: SimulatorSettings) -> bool:
    """Tell which of the two shapes a fault takes; the manual leaves open which one when."""
    return not {ALL_FAULTS, fault.parameter, fault.rule}.isdisjoint(settings.named_faults)


def _beyond(values: Mapping[str, str], settings: SimulatorSettings) -> Iterator[ApplicationFault]:
    """Yield the parameters whose characters the Shift_JIS that is set does not have."""
    for name, text in values.items():
        try:
            text.encode(settings.shift_jis)
        except UnicodeEncodeError:
            yield ApplicationFault(name, Rule.NOT_SHIFT_JIS)


def _rejection(parameter: str, settings: SimulatorSettings) -> bytes:
    text = settings.named_fault_text.replace("{name}", parameter)
    return f"{text}\r\n".encode("cp932", "replace")


def _error_code(
    values: Mapping[str, str],
    faults: list[ApplicationFault],
    magic: Magic | None,
    settings: SimulatorSettings,
) -> str | None:
    """Return the code that the application fails with, or None (manual, error code table)."""
    if magic and magic.error_code:
        return magic.error_code
    if faults or not _test_is_valid(values, settings):
        return "800000"
    if values["clientip"] not in settings.clientips:
        return settings.unknown_clientip
    if settings.service_stopped:
        return "800001"
    if values["pay_cvs"] not in settings.stores:
        return "800002"
    return "0008" if values["pay_cvs"] in settings.maintenance else None


def _test_is_valid(values: Mapping[str, str], settings: SimulatorSettings) -> bool:
    known = not is_test(values) or values["testid"] in settings.test_ids
    return known or settings.invalid_testid == "real"


def _failure(
    zeus: SimulatedZeus, values: Mapping[str, str], code: str, faults: AnswerFaults
) -> Reply:
    """Fail an application. An order is kept for a known IPコード: 02 is called about it."""
    known = zeus.settings.failed_order_no and values.get("clientip") in zeus.settings.clientips
    slip = (
        failed_slip(zeus.store.next_number(), values, code, zeus.settings, zeus.clock.now())
        if known
        else None
    )
    said = {"rel": FAILURE, "order_no": slip.order_no if slip else "", "error_code": code}
    return Reply(write_answer(said), faults, slip)


def _success(slip: Slip) -> dict[str, str]:
    names = ("order_no", "pay_no1", "pay_no2", "pay_limit", "pay_url")
    return {"rel": SUCCESS, **{name: slip.values[name] for name in names}}


class ApplicationEndpoint:
    """ASGI application at /cgi-bin/cvs.cgi; needs the connection for answers that break off."""

    def __init__(self, zeus: SimulatedZeus) -> None:
        self._zeus = zeus

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["method"] != "POST":
            await _respond(send, 405, b"POST only\r\n")
            return
        body = await _body(receive)
        if body is None:
            await _respond(send, 413, b"too large\r\n")
            return
        reply = answer(self._zeus, body, _base_url(scope))
        if reply.slip:
            self._zeus.accept(reply.slip, reply.magic)
        await asyncio.sleep(reply.faults.delay)
        await _answer(scope["transport"], send, reply)


async def _body(receive: Receive) -> bytes | None:
    """Return the whole body, or None when it is larger than any application."""
    body = bytearray()
    while True:
        message = await receive()
        body += message.get("body", b"")
        if len(body) > MAX_BODY_BYTES:
            return None
        if not message.get("more_body"):
            return bytes(body)


async def _answer(transport: asyncio.Transport, send: Send, reply: Reply) -> None:
    """Send the answer as the faults want it; a spoiled one ends with its connection."""
    if reply.faults.lost:
        transport.abort()
    elif reply.faults.html:
        await _respond(send, 200, _HTML, content_type=b"text/html; charset=Shift_JIS")
    elif reply.faults.half:
        await _respond(send, 200, reply.body, cut=len(reply.body) // 2)
        transport.close()
    else:
        await _respond(send, 200, reply.body, broken_rules=reply.broken_rules)
    await asyncio.sleep(0)  # the connection has to end before the request does


async def _respond(
    send: Send,
    status: int,
    body: bytes,
    *,
    content_type: bytes = _TEXT,
    cut: int | None = None,
    broken_rules: Sequence[ApplicationFault] = (),
) -> None:
    """Send an answer; with `cut` announce all of it and send so many bytes."""
    headers = [(b"content-type", content_type), (b"content-length", str(len(body)).encode())]
    if broken_rules:
        faults = ", ".join(f"{fault.parameter}: {fault.rule}" for fault in broken_rules)
        headers.append((b"x-simulator-faults", faults.encode()))
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body[:cut], "more_body": cut is not None})


def _base_url(scope: Scope) -> str:
    host = next(
        (value.decode("latin-1") for name, value in scope["headers"] if name == b"host"), ""
    )
    server_host, server_port = scope["server"] or ("127.0.0.1", 80)
    return f"http://{host or f'{server_host}:{server_port}'}"
