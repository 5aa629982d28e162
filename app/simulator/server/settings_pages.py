"""Pages of the settings and the clock in the simulator's console."""

from collections.abc import Callable, Mapping, Sequence
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs

from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import BaseRoute, Route

from app.simulator.server.setting_texts import REASONS
from app.simulator.server.settings_form import (
    posted_values,
    reasons_of,
    sections,
    settings_from,
    values_of,
)
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.clock import ClockLimit

Page = Callable[..., Response]
_UNITS = {"minutes": 1, "hours": 60, "days": 24 * 60}
_MOST_MINUTES = 400 * 24 * 60
_MOST_BYTES = 64 * 1024


class SettingsPages:
    """Settings as a form, and buttons that move the clock. `page` renders a template."""

    def __init__(self, zeus: SimulatedZeus, page: Page) -> None:
        self._zeus = zeus
        self._page = page

    def routes(self) -> Sequence[BaseRoute]:
        """Return the routes of these pages."""
        return (
            Route("/settings", self._show),
            Route("/settings", self._change, methods=["POST"]),
            Route("/clock", self._advance, methods=["POST"]),
            Route("/reset", self._reset, methods=["POST"]),
        )

    async def _show(self, request: Request) -> Response:
        return self._form(request, values_of(self._zeus.settings))

    async def _change(self, request: Request) -> Response:
        posted = posted_values(await _pairs(request))
        try:
            settings = settings_from(self._zeus.settings, posted)
        except ValidationError as error:
            return self._form(request, posted, reasons_of(error), status=422)
        self._zeus.set_settings(settings)
        return RedirectResponse("/settings?done=settings", 303)

    async def _advance(self, request: Request) -> Response:
        pairs = await _pairs(request)
        minutes = _minutes(pairs)
        if minutes is None:
            values = values_of(self._zeus.settings)
            return self._form(request, values, {"amount": ("", {})}, status=422)
        try:
            await self._zeus.advance(timedelta(minutes=minutes))
        except ClockLimit as error:
            values = values_of(self._zeus.settings)
            return self._form(request, values, {"amount": (f"{error}", {})}, status=409)
        return RedirectResponse("/settings?done=clock", 303)

    async def _reset(self, request: Request) -> Response:
        self._zeus.reset()
        return RedirectResponse("/settings?done=reset", 303)

    def _form(
        self,
        request: Request,
        values: Mapping[str, Any],
        reasons: Mapping[str, tuple[str, Mapping[str, Any]]] | None = None,
        status: int = 200,
    ) -> Response:
        return self._page(
            request,
            "settings.html",
            status,
            "/settings",
            sections=sections(),
            values=values,
            reasons=reasons or {},
            reason_text=reason_text,
            now=self._zeus.clock.now().isoformat(),
            speed=f"{self._zeus.clock.speed:g}",
            done=request.query_params.get("done"),
            fixed=self._zeus.settings,
        )


async def _pairs(request: Request) -> dict[str, list[str]]:
    """Return the posted names with their values; a body that is too large has none."""
    body = await request.body()
    if len(body) > _MOST_BYTES:
        return {}
    return parse_qs(body.decode("utf-8", "replace"), keep_blank_values=True)


def _minutes(pairs: Mapping[str, Sequence[str]]) -> float | None:
    """Return by how many minutes the clock shall move, or None when that is not possible."""
    (amount,), (unit,) = pairs.get("amount", ("",))[:1], pairs.get("unit", ("",))[:1]
    if not (amount.isascii() and amount.isdecimal() and len(amount) < 9 and unit in _UNITS):
        return None
    minutes = int(amount) * _UNITS[unit]
    return minutes if 0 < minutes <= _MOST_MINUTES else None


def reason_text(language: str, reason: tuple[str, Mapping[str, Any]]) -> str:
    """Return what a value must be, in the page's language."""
    words, limits = reason
    if language == "en":
        return words
    if words in REASONS:
        return REASONS[words]
    said = {"ge": "{}以上", "le": "{}以下", "gt": "{}より大きい値", "expected": "{}のいずれか"}
    found = [text.format(limits[name]) for name, text in said.items() if name in limits]
    return "、".join(found) + ("を指定してください" if found else "使えない値です")
