"""Onboarding page: the operational test with Zeus, and the statuses and parameters that arrived."""

from collections.abc import Mapping, Sequence
from http import HTTPStatus

from starlette.responses import Response

from app.applications.request import RequestFault
from app.console.http.page_request import PageRequest
from app.console.pages.onboarding.runs import (
    RunNotFound,
    form_values,
    run_shown,
    tests_chosen,
)
from app.console.texts.application_labels import FAULTS
from app.console.texts.labels import _
from app.operations.applications.errors import RequestNotAcceptable
from app.operations.doctor.onboarding import (
    DEFAULT_DAYS,
    NEEDED,
    ONLY_SOME_STORES,
    Onboarding,
    ParameterSeen,
    Way,
    read_onboarding,
)
from app.operations.errors import OperationError
from app.operations.operational_test.plan import is_run

_ASK = _("Ask Zeus's sales desk to send it.")
_ASK_NEEDED = _("Ask Zeus's sales desk to send it: without it no call can be judged.")
_ASK_SOME_STORES = _(
    "Ask Zeus's sales desk to send it. Only ローソン, ファミリーマート and ミニストップ have it."
)


async def show(page_request: PageRequest) -> Response:
    """Show a run of the test, its form, and the statuses and parameters that arrived recently."""
    return await _show(page_request)


async def show_progress(page_request: PageRequest) -> Response:
    """Show what has arrived for a run: a part of the page that the browser polls.

    At the end, load the page.
    """
    view = await run_shown(page_request)
    if view is None:
        raise RunNotFound
    response = page_request.page("test_run.html", view=view)
    if not view.is_live:
        response.headers["hx-redirect"] = f"/onboarding?run={view.found.run}"
    return response


async def send(page_request: PageRequest) -> Response:
    """Begin to send a run. The run in the form makes a second click harmless."""
    form, sender = page_request.form, page_request.dependencies.test_sender
    run = form.text("run")
    tests = tests_chosen(page_request, run) if is_run(run) else ()
    if not tests:
        problem = page_request.translated(_("Choose at least one store and one kind of test."))
        return await _show(page_request, HTTPStatus.UNPROCESSABLE_ENTITY, problem=problem)
    customer = {name: form.text(name) for name in ("name", "telno", "email")}
    try:
        await sender.start(
            run,
            tests,
            {name: value for name, value in customer.items() if value},
            page_request.actor,
            clientip=form.text("clientip") or None,
        )
    except RequestNotAcceptable as error:
        return await _show(
            page_request,
            HTTPStatus.UNPROCESSABLE_ENTITY,
            problems=_problems(page_request, error.faults),
        )
    except OperationError as error:
        return await _show(page_request, HTTPStatus.CONFLICT, problem=page_request.reason(error))
    return page_request.go(f"/onboarding?run={run}")


async def _show(
    page_request: PageRequest,
    status: int = HTTPStatus.OK,
    *,
    problem: str | None = None,
    problems: Mapping[str, str] | None = None,
) -> Response:
    found = await read_onboarding(page_request.dependencies.sessions, DEFAULT_DAYS)
    asked = {
        seen.name: page_request.translated(_words(seen)) for seen in found.parameters if seen.todo
    }
    view = await run_shown(page_request)
    return page_request.page(
        "onboarding.html",
        status,
        found=found,
        days=DEFAULT_DAYS,
        asked=asked,
        to_test=_to_test(found),
        view=view,
        problem=problem,
        problems=problems or {},
        **await form_values(page_request, view),
    )


def _problems(page_request: PageRequest, faults: Sequence[RequestFault]) -> dict[str, str]:
    """Return the message for each faulty field. Faults without a field are at the name."""
    return {
        (fault.pointer.rpartition("/")[2] or "name"): page_request.translated(
            FAULTS.get(fault.reason, _("This value is invalid."))
        )
        for fault in faults
    }


def _to_test(found: Onboarding) -> Sequence[str]:
    """Return the missing statuses that a test with Zeus can produce."""
    return [
        seen.status
        for seen in found.statuses
        if not seen.calls and seen.way not in (Way.IF_ORDERED, Way.SIMULATED)
    ]


def _words(seen: ParameterSeen) -> str:
    if seen.name in NEEDED:
        return _ASK_NEEDED
    return _ASK_SOME_STORES if seen.name in ONLY_SOME_STORES else _ASK
