"""Problem details (RFC 9457): status and `type` of each error.

No answer repeats a value that the caller sent, but for the headings of an uploaded file.
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Annotated, Any
from uuid import UUID

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from pydantic import BaseModel, Field
from starlette.exceptions import HTTPException
from starlette.routing import BaseRoute, Match

from app.applications.request import RequestFault
from app.operations import errors
from app.operations.applications import errors as application_errors
from app.operations.applications.errors import RequestNotAcceptable, SlipExists
from app.operations.applications.models import Application
from app.operations.errors import (
    BadCursor,
    BadRange,
    FileNotReadable,
    NotAcceptable,
    OperationError,
)
from app.operations.mails import errors as mail_errors

MEDIA_TYPE = "application/problem+json"
_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")
_TYPE = "urn:zeus-relay:problem:"


class FaultyField(BaseModel):
    """Value of a request that is not valid."""

    location: Annotated[list[str | int], Field(examples=[["body", "url"]])]
    message: Annotated[str, Field(examples=["only https:// URLs can be called"])]
    pointer: Annotated[str | None, Field(examples=["/customer/name"])] = None
    """JSON pointer to the value, in problems of applications."""
    reason: Annotated[str | None, Field(examples=["too_long"])] = None
    """Reason as a word, in problems of applications."""


class Problem(BaseModel):
    """Problem as RFC 9457 describes it."""

    type: Annotated[str, Field(examples=[f"{_TYPE}subscriber-not-found"])]
    title: Annotated[str, Field(examples=["Subscriber not found"])]
    status: Annotated[int, Field(examples=[404])]
    detail: Annotated[str | None, Field(examples=["There is no subscriber with this name."])] = None
    errors: list[FaultyField] | None = None
    application_id: UUID | None = None
    """Id of the application that this is about."""
    application: Application | None = None
    """Application that was not sent."""


@dataclass(frozen=True, slots=True)
class Kind:
    """Kind of problem: its HTTP status and its name in the problem's `type`."""

    status: HTTPStatus
    name: str

    @property
    def title(self) -> str:
        """Return the name in words."""
        return self.name.replace("-", " ").capitalize()


KINDS: Mapping[type[OperationError], Kind] = {
    errors.SubscriberNotFound: Kind(HTTPStatus.NOT_FOUND, "subscriber-not-found"),
    errors.OrderNotFound: Kind(HTTPStatus.NOT_FOUND, "order-not-found"),
    errors.NoticeNotFound: Kind(HTTPStatus.NOT_FOUND, "notice-not-found"),
    errors.EventNotFound: Kind(HTTPStatus.NOT_FOUND, "event-not-found"),
    errors.WebhookNotFound: Kind(HTTPStatus.NOT_FOUND, "outbound-webhook-not-found"),
    errors.SampleNotFound: Kind(HTTPStatus.NOT_FOUND, "rejected-sample-not-found"),
    errors.ReviewNotFound: Kind(HTTPStatus.NOT_FOUND, "review-not-found"),
    errors.UnwantedNotFound: Kind(HTTPStatus.NOT_FOUND, "unwanted-not-found"),
    errors.TokenNotFound: Kind(HTTPStatus.NOT_FOUND, "token-not-found"),
    errors.NotAllowed: Kind(HTTPStatus.FORBIDDEN, "not-allowed"),
    errors.NotAcceptable: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    errors.BadCursor: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    errors.BadRange: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"),
    errors.ExportsBusy: Kind(HTTPStatus.SERVICE_UNAVAILABLE, "exports-busy"),
    errors.NameTaken: Kind(HTTPStatus.CONFLICT, "name-taken"),
    errors.TokenNameTaken: Kind(HTTPStatus.CONFLICT, "token-name-taken"),
    errors.KeyReused: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "idempotency-key-reused"),
    errors.NotSettlable: Kind(HTTPStatus.CONFLICT, "review-settled"),
    errors.NotDismissible: Kind(HTTPStatus.CONFLICT, "not-dismissible"),
    errors.SubscriberPaused: Kind(HTTPStatus.CONFLICT, "subscriber-paused"),
    errors.SubscriberPolls: Kind(HTTPStatus.CONFLICT, "subscriber-polls"),
    errors.TooManySecrets: Kind(HTTPStatus.CONFLICT, "too-many-secrets"),
    errors.NotReleasable: Kind(HTTPStatus.CONFLICT, "not-releasable"),
    errors.RecoveryNotFound: Kind(HTTPStatus.NOT_FOUND, "recovery-not-found"),
    errors.ReconciliationNotFound: Kind(HTTPStatus.NOT_FOUND, "reconciliation-not-found"),
    errors.FileNotReadable: Kind(HTTPStatus.UNPROCESSABLE_ENTITY, "unreadable-file"),
    errors.FileNotKept: Kind(HTTPStatus.INSUFFICIENT_STORAGE, "file-not-kept"),
    errors.FileTooLarge: Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "file-too-large"),
    errors.NotCancellable: Kind(HTTPStatus.CONFLICT, "not-cancellable"),
    errors.NotRetriable: Kind(HTTPStatus.CONFLICT, "not-retriable"),
    mail_errors.NoSuchMail: Kind(HTTPStatus.NOT_FOUND, "mail-not-found"),
    mail_errors.NotHealable: Kind(HTTPStatus.CONFLICT, "not-healable"),
    mail_errors.OrderBusy: Kind(HTTPStatus.CONFLICT, "order-busy"),
    mail_errors.MailEnded: Kind(HTTPStatus.CONFLICT, "mail-ended"),
    application_errors.ApplicationNotFound: Kind(HTTPStatus.NOT_FOUND, "application-not-found"),
    application_errors.ApplicationsNotConfigured: Kind(
        HTTPStatus.SERVICE_UNAVAILABLE, "applications-not-configured"
    ),
    application_errors.RequestNotAcceptable: Kind(
        HTTPStatus.UNPROCESSABLE_ENTITY, "invalid-request"
    ),
    application_errors.SlipExists: Kind(HTTPStatus.CONFLICT, "application-exists"),
    application_errors.NotResolvable: Kind(HTTPStatus.CONFLICT, "not-resolvable"),
}
_INVALID = KINDS[NotAcceptable]
BODY_TOO_LARGE = Kind(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, "body-too-large")


def problem(
    kind: Kind,
    detail: str | None = None,
    errors: Sequence[FaultyField] | None = None,
    headers: Mapping[str, str] | None = None,
    *,
    application_id: UUID | None = None,
    application: Application | None = None,
) -> Response:
    """Return the answer that states a problem."""
    value = Problem(
        type=_TYPE + kind.name,
        title=kind.title,
        status=kind.status,
        detail=detail,
        errors=list(errors) if errors else None,
        application_id=application.id if application else application_id,
        application=application,
    )
    # An unknown field's name may hold half of a surrogate pair, which UTF-8 cannot encode. Python
    # escapes it as JSON does.
    text = json.dumps(_as_json(value), ensure_ascii=False)
    body = text.encode(errors="backslashreplace")
    return Response(body, kind.status, dict(headers or {}), MEDIA_TYPE)


def _as_json(value: Problem) -> dict[str, Any]:
    """Return the members that the problem has. An application keeps those that are null."""
    members = value.model_dump(mode="json", exclude_none=True)
    if value.application is not None:
        members["application"] = value.application.model_dump(mode="json")
    return members


def documented(*statuses: HTTPStatus) -> dict[int | str, dict[str, Any]]:
    """Return the entries of these problems for a route's `responses`."""
    return {status.value: {"model": Problem, "description": status.phrase} for status in statuses}


def add_handlers(app: FastAPI) -> None:
    """Answer every OperationError, and every error of the framework, as a problem."""
    app.add_exception_handler(OperationError, _operation_error)
    app.add_exception_handler(RequestValidationError, _not_valid)
    app.add_exception_handler(HTTPException, _http_error)


async def _operation_error(_: Request, error: Exception) -> Response:
    kind = KINDS[type(error)]  # type: ignore[index]  # registered for OperationError alone
    if isinstance(error, NotAcceptable):
        part = "query" if isinstance(error, BadCursor | BadRange) else "body"
        return problem(
            kind,
            "Invalid value.",
            [FaultyField(location=[part, error.field], message=str(error))],
        )
    if isinstance(error, FileNotReadable):
        return _unreadable(kind, error)
    if isinstance(error, RequestNotAcceptable):
        return problem(kind, str(error), [_faulty(fault) for fault in error.faults])
    if isinstance(error, SlipExists):
        return problem(kind, str(error), application_id=error.application_id)
    return problem(kind, str(error))


def _faulty(fault: RequestFault) -> FaultyField:
    location = ["body", *fault.pointer.removeprefix("/").split("/")]
    return FaultyField(
        location=location, message=fault.message, pointer=fault.pointer, reason=fault.reason
    )


def _unreadable(kind: Kind, error: FileNotReadable) -> Response:
    """Return the answer that names the line and the column of a fault."""
    fault = error.fault
    place = [part for part in (fault.line, fault.column) if part is not None]
    faulty = FaultyField(location=["body", *place], message=fault.reason)
    return problem(kind, f"The file cannot be compared: {fault}.", [faulty])


async def _not_valid(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for the type checker
    errors = [
        FaultyField(location=list(fault["loc"]), message=fault["msg"].removeprefix("Value error, "))
        for fault in error.errors()
    ]
    return problem(_INVALID, "Invalid value.", errors)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for the type checker
    status = HTTPStatus(error.status_code)
    # The framework answers 400 for a body that is not text, or that is nested too deeply.
    if status is HTTPStatus.BAD_REQUEST:
        return problem(
            _INVALID,
            "The body is not valid JSON.",
            [FaultyField(location=["body"], message="is not valid JSON")],
        )
    if status is BODY_TOO_LARGE.status:
        return problem(BODY_TOO_LARGE)
    headers = dict(error.headers or {})
    if status is HTTPStatus.METHOD_NOT_ALLOWED:
        headers["Allow"] = ", ".join(_methods(request))
    return problem(Kind(status, status.phrase.lower().replace(" ", "-")), headers=headers)


def _methods(request: Request) -> list[str]:
    """Return all methods of a path. The framework names only those of the first route."""
    routes = request.app.routes
    return sorted(
        method for method in _METHODS if any(_takes(route, request, method) for route in routes)
    )


def _takes(route: BaseRoute, request: Request, method: str) -> bool:
    return route.matches({**request.scope, "method": method})[0] is Match.FULL
