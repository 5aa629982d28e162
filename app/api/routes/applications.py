"""Routes of applications, /v1/applications: apply for a slip, list, show, resolve."""

from http import HTTPStatus
from typing import Annotated
from uuid import UUID

from fastapi import APIRouter, Header, Path, Query, Response
from fastapi.responses import HTMLResponse

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithPlace
from app.api.problems import Kind, documented, problem
from app.applications.result_page import PageLanguage
from app.applications.states import ApplicationState
from app.operations.applications import applications as operations
from app.operations.applications import apply as applying
from app.operations.applications import page as pages
from app.operations.applications import resolve as resolving
from app.operations.applications.apply import RETRY_SECONDS
from app.operations.applications.models import (
    Application,
    ApplicationPage,
    ApplicationResolution,
    NewApplication,
)
from app.operations.applications.page import PAGE_HEADERS
from app.operations.models import Line
from app.operations.orders.real_or_test import WithTests

router = APIRouter(prefix="/applications", tags=["applications"])

ApplicationId = Annotated[UUID, Path(description="The application's id.")]
ApplicationKey = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        pattern=r"^[\x21-\x7e]{1,255}$",
        description="A value of your choice, new for each purchase. It is kept as long as the "
        "application: the same key never makes a second slip.",
    ),
]
_NOT_SENT = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "application-not-sent")
_WAITING = (ApplicationState.SENDING, ApplicationState.UNKNOWN)


@router.post(
    "",
    status_code=HTTPStatus.CREATED,
    response_model=Application,
    responses={
        HTTPStatus.ACCEPTED.value: {
            "model": Application,
            "description": "The outcome is not known. Ask again later; do not apply again.",
        },
        **documented(HTTPStatus.CONFLICT),
    },
)
async def apply_for_slip(
    dependencies: WithDependencies,
    actor: WithActor,
    key: ApplicationKey,
    request: NewApplication,
    response: Response,
) -> Application | Response:
    """Apply to Zeus for a payment slip.

    The answer is the application, in its state of now: 201 if Zeus answered (`accepted`, `failed`
    or `rejected`), 202 while the outcome is not known, 503 if nothing was sent. The same key gives
    the same application again; only one that was not sent is sent then.
    """
    application = await applying.apply_for_slip(
        dependencies.sessions,
        dependencies.applicant,
        request,
        key,
        actor,
        support=dependencies.support,
    )
    retry = {"Retry-After": str(RETRY_SECONDS)}
    if application.state is ApplicationState.NOT_SENT:
        return problem(
            _NOT_SENT,
            "Nothing reached Zeus. Send the request again with the same Idempotency-Key.",
            headers=retry,
            application=application,
        )
    response.headers["Location"] = f"/v1/applications/{application.id}"
    if application.state in _WAITING:
        response.status_code = HTTPStatus.ACCEPTED
        response.headers.update(retry)
    return application


@router.get("")
async def list_applications(
    dependencies: WithDependencies,
    place: WithPlace,
    state: Annotated[
        ApplicationState | None, Query(description="Only applications in this state.")
    ] = None,
    sendid: Annotated[
        Line | None, Query(max_length=25, description="Only applications with this sendid.")
    ] = None,
    order_no: Annotated[
        Line | None, Query(max_length=255, description="Only the application of this order.")
    ] = None,
    test: Annotated[
        WithTests, Query(description="Include or exclude tests, or show only these.")
    ] = WithTests.INCLUDE,
) -> ApplicationPage:
    """List applications, the newest first."""
    return await operations.list_applications(
        dependencies.sessions,
        place,
        state=state,
        sendid=sendid,
        order_no=order_no,
        test=test.flag,
        support=dependencies.support,
    )


@router.get("/{application_id}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_application(
    dependencies: WithDependencies, application_id: ApplicationId, shown_to: ShownTo
) -> Application:
    """Show one application as it is now."""
    return await operations.show_application(
        dependencies.sessions, application_id, shown_to=shown_to, support=dependencies.support
    )


@router.get(
    "/{application_id}/page",
    response_class=HTMLResponse,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def show_application_page(
    dependencies: WithDependencies,
    application_id: ApplicationId,
    lang: Annotated[
        PageLanguage, Query(description="Language of the page.")
    ] = PageLanguage.JAPANESE,
) -> HTMLResponse:
    """Show the result page for the customer: how to pay, or what to do now.

    Complete HTML without scripts and personal data. Numbers vanish once there is nothing to pay.
    """
    page = await pages.show_result_page(
        dependencies.sessions, application_id, lang, support=dependencies.support
    )
    return HTMLResponse(page, headers=PAGE_HEADERS)


@router.post(
    "/{application_id}/resolve",
    responses=documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT),
)
async def resolve_application(
    dependencies: WithDependencies,
    actor: WithActor,
    application_id: ApplicationId,
    resolution: ApplicationResolution,
) -> Application:
    """Resolve an unknown application, after a look into Zeus's console.

    Give the order number of the slip, or the outcome `failed` if there is none.
    """
    return await resolving.resolve_application(
        dependencies.sessions, application_id, resolution, actor, support=dependencies.support
    )
