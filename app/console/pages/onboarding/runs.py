"""Runs of the operational test: the form that sends one, and what has arrived for it."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.applications.states import TestKind
from app.clock import now
from app.console.http.page_request import PageRequest
from app.console.texts.labels import _
from app.console.views.test_run import RunView, view_of
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import NotFound, OperationError
from app.operations.operational_test.plan import PlannedTest, is_played, is_run, new_run, planned
from app.operations.operational_test.progress import (
    latest_run,
    latest_runs,
    mails_come,
    read_progress,
)
from app.zeus.stores import STORES

_CUSTOMER_NAME = "テスト タロウ"


class RunNotFound(NotFound):
    """No test of this run was sent."""

    def __init__(self) -> None:
        super().__init__("No test of this run was sent.")


async def run_shown(page_request: PageRequest) -> RunView | None:
    """Return the run that the address names, or the latest; None before the first.

    Raise RunNotFound for a run of which nothing was sent.
    """
    dependencies = page_request.dependencies
    asked = page_request.text("run")
    run = asked or await latest_run(dependencies.sessions)
    if not run:
        return None
    if not is_run(run):
        raise RunNotFound
    view = await view_run(page_request, run)
    if not view.found.tests:
        raise RunNotFound
    return view


async def view_run(page_request: PageRequest, run: str) -> RunView:
    """Return a run with the tests that were sent, and those that are to be sent."""
    dependencies = page_request.dependencies
    sender, sessions = dependencies.test_sender, dependencies.sessions
    mails_read = dependencies.mailbox_is_read or await mails_come(sessions)
    is_sending = sender.is_sending(run)
    sent = await read_progress(sessions, run, mails_read=mails_read)
    asked_for = sender.asked_for(run)
    if asked_for:
        known = {test.sendid for test in asked_for} | {test.sendid for test in sent.tests}
        tests = [test for test in planned(run) if test.sendid in known]
        sent = await read_progress(sessions, run, tests, mails_read=mails_read)
    return view_of(sent, is_sending=is_sending)


async def form_values(page_request: PageRequest, view: RunView | None) -> Mapping[str, Any]:
    """Return the values of the form: what can be chosen, and what was typed."""
    dependencies, form = page_request.dependencies, page_request.form
    applicant = dependencies.applicant
    rules = applicant.rules if applicant else None
    run = form.text("run") or page_request.text("continue")
    is_filled = "run" in form.fields
    return {
        "form": form,
        "form_run": run if is_run(run) else new_run(now()),
        "continues": page_request.text("continue") if is_run(run) else "",
        "name": form.text("name") if is_filled else _CUSTOMER_NAME,
        "stores": list(STORES.values()),
        "kinds": list(TestKind),
        "chosen_stores": form.texts("store") if is_filled else list(STORES),
        "chosen_kinds": form.texts("kind") if is_filled else list(TestKind),
        "ip_codes": rules.ip_codes if rules else (),
        "is_configured": applicant is not None,
        "has_test_id": bool(rules and rules.test_id),
        "is_played": is_played(now()),
        "may_send": page_request.may(ROLE_OF[Action.APPLICATION_SENT]),
        "runs": await latest_runs(dependencies.sessions),
        "stopped": _stopped(page_request, view),
    }


def tests_chosen(page_request: PageRequest, run: str) -> Sequence[PlannedTest]:
    """Return the tests that the form chooses; unknown stores and kinds are passed over."""
    form = page_request.form
    stores = [store for code, store in STORES.items() if code in form.texts("store")]
    kinds = [kind for kind in TestKind if kind.value in form.texts("kind")]
    return planned(run, stores, kinds)


def _stopped(page_request: PageRequest, view: RunView | None) -> str | None:
    """Return why sending the shown run ended before its last test, or None."""
    sender = page_request.dependencies.test_sender
    error = sender.error_of(view.found.run) if view else None
    if error is None:
        return None
    if isinstance(error, OperationError):
        return page_request.reason(error)
    return page_request.translated(_("An internal error. The log of this process says more."))
