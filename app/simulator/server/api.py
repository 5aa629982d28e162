"""HTTP API of the simulator under /api: orders, time, faults and settings for test suites."""

from datetime import timedelta
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request, Response
from pydantic import BaseModel, ConfigDict, Field

from app.simulator.server.api_views import (
    CallView,
    DkimRecord,
    DoneView,
    OrderInFull,
    OrderView,
    call_view,
    done_view,
    order_in_full,
    order_view,
)
from app.simulator.server.magic import MAGIC
from app.simulator.server.problems import PROBLEMS, FixedSetting
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import MailNotFound
from app.simulator.state.transitions import SlipAction

router = APIRouter(prefix="/api", responses=PROBLEMS)


class Advance(BaseModel):
    """How far to move the clock forward; the parts are added up."""

    model_config = ConfigDict(extra="forbid")

    seconds: float = Field(0, ge=0, le=1e8)
    minutes: float = Field(0, ge=0, le=1e6)
    hours: float = Field(0, ge=0, le=1e4)
    days: float = Field(0, ge=0, le=400)


_SETTINGS_BODY = {
    "content": {"application/json": {"schema": {"$ref": "#/components/schemas/SimulatorSettings"}}}
}


def zeus_of(request: Request) -> SimulatedZeus:
    """Return the simulated Zeus of this process."""
    zeus: SimulatedZeus = request.app.state.zeus
    return zeus


@router.get("/orders")
async def list_orders(
    request: Request, search: str = "", limit: Annotated[int, Query(ge=1, le=1000)] = 100
) -> list[OrderView]:
    """List the newest orders whose number or values contain `search`."""
    zeus = zeus_of(request)
    return [order_view(slip, zeus.settings) for slip in zeus.store.slips(search, limit)]


@router.get("/orders/{order_no}")
async def show_order(request: Request, order_no: str) -> OrderInFull:
    """Show an order with its calls and its mails."""
    return order_in_full(zeus_of(request), zeus_of(request).slip(order_no))


@router.get(
    "/orders/{order_no}/mails/{n}",
    response_class=Response,
    responses={200: {"description": "The message.", "content": {"message/rfc822": {}}}},
)
async def show_message(request: Request, order_no: str, n: int) -> Response:
    """Show a mail as it was sent, with its headers and its signature."""
    zeus = zeus_of(request)
    zeus.slip(order_no)
    found = next((mail for mail in zeus.store.mails.of_order(order_no) if mail.n == n), None)
    if found is None:
        raise MailNotFound(order_no, n)
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
    """Pay, confirm, take back, expire, re-issue or stop. Answers with the call's outcome."""
    zeus = zeus_of(request)
    return done_view(await zeus.act(order_no, action), zeus.settings)


@router.get("/settings")
async def show_settings(request: Request) -> SimulatorSettings:
    """Show the settings."""
    return zeus_of(request).settings


@router.patch("/settings", openapi_extra={"requestBody": _SETTINGS_BODY})
async def change_settings(request: Request, changes: dict[str, Any]) -> SimulatorSettings:
    """Change some settings; objects are merged, all else is replaced.

    `anywhere` and `mails.maildir` are fixed at the start: a page in a browser must not open the way
    to other machines or to folders.
    """
    zeus = zeus_of(request)
    before = zeus.settings
    after = SimulatorSettings.model_validate(_merged(before.model_dump(mode="json"), changes))
    if after.anywhere != before.anywhere:
        raise FixedSetting("anywhere")
    if after.mails.maildir != before.mails.maildir:
        raise FixedSetting("mails.maildir")
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
