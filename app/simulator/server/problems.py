"""Errors of the simulator's API as problem details that name what is allowed now."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from fastapi import Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Route

from app.simulator.server.api_views import order_view
from app.simulator.server.settings_form import FIXED, fields
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.clock import ClockLimit
from app.simulator.state.store import CallNotFound, MailNotFound, SlipNotFound
from app.simulator.state.transitions import ActionNotAllowed, SlipAction

MEDIA_TYPE = "application/problem+json"
_NEWEST = 10
_LIMITS = ("ge", "le", "gt", "lt", "pattern", "expected")


class SimulatorProblem(BaseModel):
    """Problem details (RFC 9457). `allowed` holds what would be accepted now, if that is a list.

    `faults` names each faulty value: `field`, `reason` and, where known, `allowed`.
    """

    type: str
    status: int
    title: str
    allowed: list[Any] | None = None
    faults: list[dict[str, Any]] | None = None
    state: str | None = None
    action: str | None = None
    number: str | None = None


PROBLEMS: dict[int | str, dict[str, Any]] = {
    "4XX": {
        "description": "The request was refused.",
        "content": {MEDIA_TYPE: {"schema": SimulatorProblem.model_json_schema()}},
    }
}
"""The answers with errors, for the OpenAPI document."""


class FixedSetting(Exception):
    """A setting that only the start can set."""

    def __init__(self, name: str) -> None:
        super().__init__(f"`{name}` can be set only when the simulator starts.")


def problem(status: int, title: str, **more: Any) -> JSONResponse:
    """Return an answer with problem details."""
    known = {name: value for name, value in more.items() if value is not None}
    body = {"type": "about:blank", "status": status, "title": title, **known}
    return JSONResponse(body, status, media_type=MEDIA_TYPE)


def _zeus(request: Request) -> SimulatedZeus:
    zeus: SimulatedZeus = request.app.state.zeus
    return zeus


async def _not_allowed(_: Request, error: ActionNotAllowed) -> Response:
    return problem(
        HTTPStatus.CONFLICT,
        f"{error}.",
        state=error.state,
        action=error.action,
        allowed=list(error.allowed),
    )


async def _no_order(request: Request, error: SlipNotFound) -> Response:
    known = [slip.order_no for slip in _zeus(request).store.slips(limit=_NEWEST)]
    title = "No order has this number. The newest orders are allowed."
    return problem(HTTPStatus.NOT_FOUND, title, number=str(error.args[0]), allowed=known)


async def _no_call(request: Request, error: CallNotFound) -> Response:
    known = [call.n for call in _zeus(request).store.calls(error.order_no)]
    title = "The order has no call with this number."
    return problem(HTTPStatus.NOT_FOUND, title, number=str(error.n), allowed=known)


async def _no_mail(request: Request, error: MailNotFound) -> Response:
    known = [mail.n for mail in _zeus(request).store.mails.of_order(error.order_no)]
    title = "The order has no mail with this number."
    return problem(HTTPStatus.NOT_FOUND, title, number=str(error.n), allowed=known)


async def _fixed(_: Request, error: FixedSetting) -> Response:
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, str(error), allowed=list(fields()))


async def _clock_limit(_: Request, error: ClockLimit) -> Response:
    return problem(HTTPStatus.CONFLICT, f"{error}.")


async def _invalid_settings(_: Request, error: ValidationError) -> Response:
    faults = [_fault(fault) for fault in error.errors()]
    names = [name for name in fields() if name not in FIXED]
    return problem(
        HTTPStatus.UNPROCESSABLE_ENTITY, "Invalid settings.", faults=faults, allowed=names
    )


async def _invalid_request(request: Request, error: RequestValidationError) -> Response:
    faults = [_fault(fault) for fault in error.errors()]
    allowed = None
    if any(fault["loc"][:2] == ("path", "action") for fault in error.errors()):
        zeus = _zeus(request)
        slip = zeus.store.slip(request.path_params["order_no"])
        allowed = order_view(slip, zeus.settings).allowed if slip else list(SlipAction)
    title = "Invalid request."
    return problem(HTTPStatus.UNPROCESSABLE_ENTITY, title, faults=faults, allowed=allowed)


def _fault(fault: Mapping[str, Any]) -> dict[str, Any]:
    """Return where a value is, what is wrong with it, and its limits, but never the value."""
    limits = {name: value for name, value in fault.get("ctx", {}).items() if name in _LIMITS}
    where = ".".join(str(part) for part in fault["loc"])
    told = {"field": where, "reason": fault["msg"].removeprefix("Value error, ")}
    return {**told, "allowed": limits} if limits else told


async def _http_error(request: Request, error: HTTPException) -> Response:
    if error.status_code != HTTPStatus.METHOD_NOT_ALLOWED:
        return problem(error.status_code, error.detail)
    routes = [*request.app.router.routes, *request.app.state.api_routes]
    methods = _methods_at(routes, request.url.path)
    answer = problem(error.status_code, error.detail, allowed=methods)
    answer.headers["Allow"] = ", ".join(methods)
    return answer


def _methods_at(routes: Sequence[BaseRoute], path: str) -> list[str]:
    """Return the methods of every route at this path; the router names those of the first one."""
    matching = (one for one in routes if isinstance(one, Route) and one.path_regex.match(path))
    return sorted({method for route in matching for method in route.methods or ()})


HANDLERS: dict[Any, Any] = {
    ActionNotAllowed: _not_allowed,
    SlipNotFound: _no_order,
    CallNotFound: _no_call,
    MailNotFound: _no_mail,
    FixedSetting: _fixed,
    ClockLimit: _clock_limit,
    ValidationError: _invalid_settings,
    RequestValidationError: _invalid_request,
    HTTPException: _http_error,
}
