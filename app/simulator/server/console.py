"""Console of the simulator (売上管理画面 in small) in Japanese and English, and the pay page."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.simulator.server.api import call_view, order_view
from app.simulator.server.console_texts import ACTIONS, TEXTS
from app.simulator.server.zeus import CallNotFound, SimulatedZeus
from app.simulator.state.store import Slip, SlipNotFound
from app.simulator.state.transitions import ActionNotAllowed, SlipAction
from app.zeus.mails import JAPAN
from app.zeus.stores import STORES

_FILES = Path(__file__).parent / "console_files"
_SHOWN = 200
_CSV_LIMIT = 1_000_000
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self';"
    " connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'",
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
_CSV_COLUMNS = {
    "order_no": "オーダーNo",
    "clientip": "IPコード",
    "money": "金額",
    "username": "氏名",
    "telno": "電話番号",
    "email": "E-mail",
    "sendid": "sendid",
    "sendpoint": "sendpoint",
    "pay_cvs": "コンビニ",
    "pay_no1": "払込用番号1",
    "pay_no2": "払込用番号2",
    "pay_limit": "支払期限",
}


class SimulatorConsole:
    """The pages of one simulated Zeus. Every action is a form, so that they work without script."""

    def __init__(self, zeus: SimulatedZeus) -> None:
        self._zeus = zeus
        loader = FileSystemLoader(_FILES)
        self._templates = Environment(loader=loader, autoescape=True, undefined=StrictUndefined)
        self._templates.filters["japan"] = japan_time

    def add_to(self, app: FastAPI) -> None:
        """Add the pages to the simulator's application."""
        routes: Sequence[BaseRoute] = (
            Route("/", self._list),
            Route("/orders.csv", self._csv),
            Route("/version", self._version),
            Route("/orders/{order_no}", self._order),
            Route("/orders/{order_no}/calls/{n:int}/resend", self._resend, methods=["POST"]),
            Route("/orders/{order_no}/{action}", self._act, methods=["POST"]),
            Route("/pay/{order_no}", self._pay_page),
            Route("/pay/{order_no}", self._pay, methods=["POST"]),
            Mount("/static", StaticFiles(directory=_FILES / "static")),
        )
        app.router.routes.extend(routes)

    async def _list(self, request: Request) -> Response:
        search = request.query_params.get("search", "")
        orders = [order_view(slip) for slip in self._zeus.store.slips(search, _SHOWN)]
        return self._page(request, "list.html", orders=orders, search=search)

    async def _order(self, request: Request) -> Response:
        return self._order_page(request, request.path_params["order_no"])

    async def _act(self, request: Request) -> Response:
        order_no = request.path_params["order_no"]
        try:
            await self._zeus.act(order_no, SlipAction(request.path_params["action"]))
        except (ActionNotAllowed, ValueError):
            return self._order_page(request, order_no, status=409)
        except SlipNotFound:
            return self._page(request, "missing.html", status=404)
        return RedirectResponse(f"/orders/{order_no}", 303)

    async def _resend(self, request: Request) -> Response:
        order_no = request.path_params["order_no"]
        try:
            await self._zeus.resend(order_no, request.path_params["n"])
        except (SlipNotFound, CallNotFound):
            return self._page(request, "missing.html", status=404)
        return RedirectResponse(f"/orders/{order_no}", 303)

    def _order_page(self, request: Request, order_no: str, status: int = 200) -> Response:
        slip = self._zeus.store.slip(order_no)
        if slip is None:
            return self._page(request, "missing.html", status=404)
        calls = [call_view(call) for call in self._zeus.store.calls(order_no)]
        order = order_view(slip)
        return self._page(
            request, "order.html", status, order=order, calls=calls, refused=status == 409
        )

    async def _pay_page(self, request: Request) -> Response:
        return self._slip_page(request, request.path_params["order_no"])

    async def _pay(self, request: Request) -> Response:
        order_no = request.path_params["order_no"]
        try:
            await self._zeus.act(order_no, SlipAction.PAY)
        except ActionNotAllowed:
            return self._slip_page(request, order_no, status=409)
        except SlipNotFound:
            return self._page(request, "missing.html", status=404)
        return RedirectResponse(f"/pay/{order_no}", 303)

    def _slip_page(self, request: Request, order_no: str, status: int = 200) -> Response:
        slip = self._zeus.store.slip(order_no)
        if slip is None:
            return self._page(request, "missing.html", status=404)
        store = STORES.get(slip.values["pay_cvs"])
        return self._page(request, "pay.html", status, order=order_view(slip), store=store)

    async def _version(self, _: Request) -> Response:
        return JSONResponse({"version": self._zeus.version}, headers=_HEADERS)

    async def _csv(self, request: Request) -> Response:
        slips = self._zeus.store.slips(request.query_params.get("search", ""), _CSV_LIMIT)
        headers = {**_HEADERS, "Content-Disposition": 'attachment; filename="simulator-orders.csv"'}
        return Response(csv_of(slips), media_type="text/csv; charset=Shift_JIS", headers=headers)

    def _page(self, request: Request, name: str, status: int = 200, **values: Any) -> Response:
        language = language_of(request)
        texts = {english: pair if language == "ja" else english for english, pair in TEXTS.items()}
        template = self._templates.get_template(name)
        body = template.render(
            language=language,
            t=texts.__getitem__,
            actions={action: names[language] for action, names in ACTIONS.items()},
            version=self._zeus.version,
            **values,
        )
        answer = Response(body, status, _HEADERS, "text/html")
        if "lang" in request.query_params:
            answer.set_cookie("lang", language, samesite="lax", httponly=True)
        return answer


def language_of(request: Request) -> str:
    """Return `ja` or `en`: the last choice, else the browser's first language."""
    chosen = request.query_params.get("lang") or request.cookies.get("lang")
    if chosen in ("ja", "en"):
        return chosen
    wanted = request.headers.get("accept-language", "").lower()
    return "ja" if wanted.startswith("ja") else "en"


def japan_time(moment: str) -> str:
    """Return an ISO 8601 moment as month, day and time in Japan."""
    return f"{datetime.fromisoformat(moment).astimezone(JAPAN):%m/%d %H:%M:%S}"


def csv_of(slips: Sequence[Slip]) -> bytes:
    """Return orders as a CSV file in cp932 with CRLF, Japanese headings and quoted cells."""
    text = io.StringIO()
    writer = csv.writer(text, quoting=csv.QUOTE_ALL, lineterminator="\r\n")
    writer.writerow([*_CSV_COLUMNS.values(), "決済状況"])
    for slip in slips:
        writer.writerow([*(slip.values[name] for name in _CSV_COLUMNS), slip.state.japanese])
    return text.getvalue().encode("cp932", "replace")
