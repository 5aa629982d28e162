"""Console of the simulator (売上管理画面 in small) in Japanese and English, and the pay page."""

import csv
import io
from collections.abc import Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

from fastapi import FastAPI
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup, escape
from starlette.datastructures import URL
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles

from app.simulator.server.api_views import CallView, OrderView, call_view, mail_view, order_view
from app.simulator.server.console_texts import ACTIONS, OUTCOMES, TEXTS
from app.simulator.server.setting_texts import SECTIONS, SETTINGS
from app.simulator.server.settings_pages import SettingsPages
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.store import CallNotFound, Slip, SlipNotFound
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
        self._templates.filters |= {"japan": japan_time, "code": code_marks}

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
        app.router.routes.extend([*routes, *SettingsPages(self._zeus, self._page).routes()])

    async def _list(self, request: Request) -> Response:
        search = request.query_params.get("search", "")
        orders = [self._order_view(slip) for slip in self._zeus.store.slips(search, _SHOWN)]
        numbers = [order.order_no for order in orders]
        calls = {number: self._calls(number) for number in numbers}
        mails = {number: self._zeus.store.mails.count(number) for number in numbers}
        return self._page(
            request, "list.html", search=search, orders=orders, calls=calls, mails=mails
        )

    def _order_view(self, slip: Slip) -> OrderView:
        return order_view(slip, self._zeus.settings)

    def _calls(self, order_no: str) -> list[CallView]:
        return [call_view(call) for call in self._zeus.store.calls(order_no)]

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
        return self._page(
            request,
            "order.html",
            status,
            here=f"/orders/{order_no}",
            order=self._order_view(slip),
            calls=self._calls(order_no),
            mails=[mail_view(mail) for mail in self._zeus.store.mails.of_order(order_no)],
            refused=status == 409,
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
        here = f"/pay/{order_no}"
        return self._page(
            request, "pay.html", status, here, order=self._order_view(slip), store=store
        )

    async def _version(self, _: Request) -> Response:
        return JSONResponse({"version": self._zeus.version}, headers=_HEADERS)

    async def _csv(self, request: Request) -> Response:
        slips = self._zeus.store.slips(request.query_params.get("search", ""), _CSV_LIMIT)
        headers = {**_HEADERS, "Content-Disposition": 'attachment; filename="simulator-orders.csv"'}
        return Response(csv_of(slips), media_type="text/csv; charset=Shift_JIS", headers=headers)

    def _page(
        self, request: Request, name: str, status: int = 200, here: str = "", **values: Any
    ) -> Response:
        """Render a page. `here` is where it is read again, if not at the URL that was asked for."""
        language = language_of(request)
        address = URL(here) if here else request.url.remove_query_params(("lang", "done"))
        other = address.include_query_params(lang="en" if language == "ja" else "ja")
        body = self._templates.get_template(name).render(
            **_texts(language),
            version=self._zeus.version,
            here=_path_of(address),
            here_in_other_language=_path_of(other),
            **values,
        )
        answer = Response(body, status, _HEADERS, "text/html")
        if "lang" in request.query_params:
            answer.set_cookie("lang", language, samesite="lax", httponly=True)
        return answer


def _texts(language: str) -> dict[str, Any]:
    """Return every text that a template may show, in its language."""

    def chosen(english: str, japanese: str) -> str:
        return japanese if language == "ja" else english

    words = {word: pair[language] for word, pair in OUTCOMES.items()}

    def answer_of(call: CallView) -> str:
        return str(call.http_status or words[call.error or call.reason or "held"])

    return {
        "language": language,
        "t": {english: chosen(english, ja) for english, ja in TEXTS.items()}.__getitem__,
        "actions": {action: names[language] for action, names in ACTIONS.items()},
        "words": words,
        "answer_of": answer_of,
        "section_names": {english: chosen(english, ja) for english, ja in SECTIONS.items()},
        "settings_texts": {english: chosen(english, ja) for english, ja in SETTINGS.items()},
    }


def _path_of(address: URL) -> str:
    return address.path + (f"?{address.query}" if address.query else "")


def code_marks(text: str) -> Markup:
    """Return a text whose `words in backquotes` are code."""
    pieces = text.split("`")
    marked = (
        Markup("<code>{}</code>").format(piece) if place % 2 else escape(piece)
        for place, piece in enumerate(pieces)
    )
    return Markup("").join(marked)


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
