"""Reconciliation pages: upload of Zeus's export, progress, and outcomes by order."""

from uuid import UUID

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.file_faults import words_of_fault
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import BadCursor, FileNotReadable
from app.operations.pagination import Place
from app.operations.reconciliations import reconciliations as operations
from app.operations.reconciliations.models import ReconciliationInFull
from app.reconciliation.comparison import Outcome

_FIELDS = ("order_no", "status", "money")
_SHOWN = 20


async def show_all(page_request: PageRequest) -> Response:
    """Show the latest reconciliations and the form for a file."""
    return await _show_all(page_request, Place(page_request.text("cursor") or None, _SHOWN))


async def start(page_request: PageRequest) -> Response:
    """Start the reconciliation of an uploaded file."""
    form = page_request.form
    assert form.file is not None  # noqa: S101 - the middleware reads it
    headings = {name: form.text(name) for name in _FIELDS}
    try:
        started = await operations.start_reconciliation(
            page_request.dependencies.sessions,
            form.file,
            page_request.actor,
            heal=form.ticked("heal"),
            columns={name: heading for name, heading in headings.items() if heading},
        )
    except FileNotReadable as error:
        problem = words_of_fault(error.fault, page_request.translated)
        return await _show_all(page_request, Place(limit=_SHOWN), problem)
    return page_request.go(f"/reconciliations/{started.id}")


async def show(page_request: PageRequest) -> Response:
    """Show a reconciliation and a page of its orders."""
    outcome = _outcome(page_request)
    place = Place(page_request.text("cursor") or None)
    try:
        found = await _found(page_request, place, outcome)
    except BadCursor:
        found = await _found(page_request, Place(), outcome)
    return page_request.page("reconciliation.html", found=found, outcome=outcome)


async def show_progress(page_request: PageRequest) -> Response:
    """Show the progress: a part of the page that the browser polls. At the end, load the page."""
    found = await _found(page_request, Place(limit=1), None)
    response = page_request.page("reconciling.html", found=found)
    if found.finished_at is not None:
        response.headers["hx-redirect"] = f"/reconciliations/{found.id}"
    return response


async def _show_all(
    page_request: PageRequest, place: Place, problem: str | None = None
) -> Response:
    sessions = page_request.dependencies.sessions
    try:
        page = await operations.list_reconciliations(sessions, place)
    except BadCursor:
        page = await operations.list_reconciliations(sessions, Place(limit=_SHOWN))
    return page_request.page(
        "reconciliations.html",
        422 if problem else 200,
        found=page,
        problem=problem,
        form=page_request.form,
        may_act=page_request.may(ROLE_OF[Action.ORDERS_RECONCILED]),
    )


async def _found(
    page_request: PageRequest, place: Place, outcome: Outcome | None
) -> ReconciliationInFull:
    return await operations.show_reconciliation(
        page_request.dependencies.sessions,
        UUID(page_request.named("reconciliation_id")),
        place,
        outcome,
    )


def _outcome(page_request: PageRequest) -> Outcome | None:
    asked = page_request.text("outcome")
    return Outcome(asked) if asked in list(Outcome) else None
