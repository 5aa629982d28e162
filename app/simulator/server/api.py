"""HTTP API of the simulator under /api: drive orders, time, faults and settings from a test suite."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.exceptions import HTTPException

from app.simulator.server.magic import MAGIC
from app.simulator.server.zeus import Done, SimulatedZeus
from app.simulator.state.sent_mails import SentMail
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import MadeCall, Slip
from app.simulator.state.transitions import SlipAction, allowed_actions
from app.zeus.wire import decode

router = APIRouter(prefix="/api")


class MailNotFound(Exception):
    """The order has no mail with this number."""


class CallView(BaseModel):
    """One call: what it said, and its outcome. `lost` says that Zeus will not make it again by itself."""

    n: int
    status: str
    made_at: str
    query: str
    parameters: dict[str, str]
    made: bool
    http_status: int | None
    error: str | None
    seconds: float | None
    tries: int
    lost: bool
    reason: str | None


class OrderView(BaseModel):
    """One order as Zeus keeps it, with the actions that are allowed now."""

    order_no: str
    state: str
    state_name: str
    status: str | None
    test_type: str | None
    stopped: bool
    replaced_by: str | None
    created_at: str
    changed_at: str
    values: dict[str, str]
    allowed: list[SlipAction]


class MailView(BaseModel):
    """One mail: its words, and whether it was handed over.

    `kind` is the manual's name, or `slip` or `receipt` to the customer. `error` is `refused`,
    `unreachable`, `unwritable` or `invalid_address`; `reason` is `no_destination` or `dropped`.
    """

    n: int
    kind: str
    recipient: str
    subject: str
    text: str
    sent_at: str
    delivered: bool
    error: str | None
    reason: str | None


class OrderInFull(OrderView):
    """An order with its calls and its mails."""

    calls: list[CallView]
    mails: list[MailView]


class DkimRecord(BaseModel):
    """The DNS record by which signatures are verified: a TXT record's name and its text."""

    name: str
    text: str


class DoneView(BaseModel):
    """An action that was carried out: the order, its call, and the order that replaced it."""

    order: OrderView
    call: CallView | None
    replacement: OrderView | None


class Advance(BaseModel):
    """How far to move the clock forward; the parts are added up."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(0, ge=0, le=1e8)
    minutes: float = Field(0, ge=0, le=1e6)
    hours: float = Field(0, ge=0, le=1e4)
    days: float = Field(0, ge=0, le=400)


def zeus_of(request: Request) -> SimulatedZeus:
    """Return the simulated Zeus of this process."""
    zeus: SimulatedZeus = request.app.state.zeus
    return zeus


@router.get("/orders")
async def list_orders(
    request: Request, search: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[OrderView]:
    """List the newest orders whose number or values contain `search`."""
    return [order_view(slip) for slip in zeus_of(request).store.slips(search, limit)]


@router.get("/orders/{order_no}")
async def show_order(request: Request, order_no: str) -> OrderInFull:
    """Show an order with its calls and its mails."""
    return order_in_full(zeus_of(request), zeus_of(request).slip(order_no))


@router.get("/orders/{order_no}/mails/{n}", response_class=Response)
async def show_message(request: Request, order_no: str, n: int) -> Response:
    """Show a mail as it was sent, with its headers and its signature."""
    zeus = zeus_of(request)
    zeus.slip(order_no)
    found = next((mail for mail in zeus.store.mails.of_order(order_no) if mail.n == n), None)
    if found is None:
        raise MailNotFound(n)
    return Response(found.message, media_type="message/rfc822")


@router.get("/dkim")
async def show_dkim_record(request: Request) -> DkimRecord:
    """Show the DNS record with the public key of the mails' signatures."""
    zeus = zeus_of(request)
    mails = zeus.settings.mails
    name = f"{mails.selector}._domainkey.{mails.domain}"
    return DkimRecord(name=name, text=zeus.mailer.dkim_key().dns_text())


@router.post("/orders/{order_no}/calls/{n}/resend")
async def resend_call(request: Request, order_no: str, n: int) -> CallView:
    """Make a call once more, as staff do in the console. Answers when it has been made."""
    return call_view(await zeus_of(request).resend(order_no, n))


@router.post("/orders/{order_no}/{action}")
async def act(request: Request, order_no: str, action: SlipAction) -> DoneView:
    """Pay, confirm, take back, expire, re-issue or stop. Answers when the call has been made, with its outcome."""
    return done_view(await zeus_of(request).act(order_no, action))


@router.get("/settings")
async def show_settings(request: Request) -> SimulatorSettings:
    """Show the settings."""
    return zeus_of(request).settings


@router.patch("/settings")
async def change_settings(request: Request, changes: dict[str, Any]) -> SimulatorSettings:
    """Change some settings; objects are merged, all else is replaced.

    `anywhere` and `mails.maildir` are fixed at the start: a page in a browser must not open the way
    to other machines or to folders.
    """
    zeus = zeus_of(request)
    before = zeus.settings
    after = SimulatorSettings.model_validate(_merged(before.model_dump(mode="json"), changes))
    if after.anywhere != before.anywhere:
        raise HTTPException(422, "`anywhere` can be set only when the simulator starts.")
    if after.mails.maildir != before.mails.maildir:
        raise HTTPException(422, "`mails.maildir` can be set only when the simulator starts.")
    zeus.set_settings(after)
    return after


@router.get("/clock")
async def show_clock(request: Request) -> dict[str, Any]:
    """Show the simulated time and its speed."""
    clock = zeus_of(request).clock
    return {"now": clock.now().isoformat(), "speed": clock.speed}


@router.post("/clock/advance")
async def advance_clock(request: Request, by: Advance) -> dict[str, Any]:
    """Move the clock forward. Answers when everything that fell due has been called."""
    step = timedelta(days=by.days, hours=by.hours, minutes=by.minutes, seconds=by.seconds)
    return {"now": (await zeus_of(request).advance(step)).isoformat()}


@router.post("/reset", status_code=204)
async def reset(request: Request, settings: bool = False) -> None:
    """Forget every order, call, mail and timer. With `settings=true` restore the first settings."""
    zeus_of(request).reset(settings=settings)


@router.get("/magic")
async def list_magic() -> list[dict[str, str]]:
    """List the magic values: the endings of e-mail and telephone number that choose an outcome."""
    return [
        {
            "email": f"anyone+{magic.word}@example.com",
            "telno": f"031234{magic.digits}",
            "about": magic.about,
        }
        for magic in MAGIC
    ]


def _merged(old: dict[str, Any], new: dict[str, Any]) -> dict[str, Any]:
    both = {
        name: _merged(old[name], value)
        for name, value in new.items()
        if isinstance(value, dict) and isinstance(old.get(name), dict)
    }
    return {**old, **new, **both}


def order_view(slip: Slip) -> OrderView:
    """Return what is shown of an order."""
    return OrderView(
        order_no=slip.order_no,
        state=slip.state,
        state_name=slip.state.japanese,
        status=slip.state.status,
        test_type=slip.test_type,
        stopped=slip.stopped,
        replaced_by=slip.replaced_by,
        created_at=slip.created_at.isoformat(),
        changed_at=slip.changed_at.isoformat(),
        values=dict(slip.values),
        allowed=list(allowed_actions(slip.state, stopped=slip.stopped)),
    )


def order_in_full(zeus: SimulatedZeus, slip: Slip) -> OrderInFull:
    """Return an order with its calls."""
    calls = [call_view(call) for call in zeus.store.calls(slip.order_no)]
    mails = [mail_view(mail) for mail in zeus.store.mails.of_order(slip.order_no)]
    return OrderInFull(**order_view(slip).model_dump(), calls=calls, mails=mails)


def call_view(call: MadeCall) -> CallView:
    """Return what is shown of a call."""
    said = decode(call.query).values
    return CallView(
        n=call.n,
        status=call.status,
        made_at=call.made_at.isoformat(),
        query=call.query.decode("latin-1"),
        parameters=dict(said),
        **call.outcome,
    )


def mail_view(mail: SentMail) -> MailView:
    """Return what is shown of a mail."""
    return MailView(
        n=mail.n,
        kind=mail.kind,
        recipient=mail.recipient,
        subject=mail.subject,
        text=mail.text,
        sent_at=mail.sent_at.isoformat(),
        **mail.outcome,
    )


def done_view(done: Done) -> DoneView:
    """Return what is shown of an action."""
    return DoneView(
        order=order_view(done.slip),
        call=call_view(done.call) if done.call else None,
        replacement=order_view(done.replacement) if done.replacement else None,
    )


def faults_of_settings(error: ValidationError) -> list[dict[str, str]]:
    """Return each faulty setting and what is wrong with it."""
    return [
        {"field": ".".join(map(str, fault["loc"])), "reason": fault["msg"]}
        for fault in error.errors()
    ]
