"""List of applications, with filters by state, test, sendid and order number."""

from starlette.responses import Response

from app.applications.states import ApplicationState
from app.console.http.page_request import PageRequest
from app.console.texts.labels import _
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.applications.applications import list_applications
from app.operations.applications.models import ApplicationPage
from app.operations.errors import BadCursor
from app.operations.orders.real_or_test import WithTests
from app.operations.pagination import Place
from app.operations.typed_input import fold

_PAGE_SIZE = 25
_FIELDS = ("order_no", "sendid", "state", "test")


async def show(page_request: PageRequest) -> Response:
    """Show the applications that match, the newest first."""
    asked = {name: page_request.text(name) for name in _FIELDS}
    given = {name: value for name, value in asked.items() if value}
    problem, found = None, ApplicationPage(items=[], next_cursor=None, has_more=False)
    try:
        found = await list_applications(
            page_request.dependencies.sessions,
            Place(page_request.text("cursor") or None, _PAGE_SIZE),
            state=ApplicationState(asked["state"]) if asked["state"] else None,
            test=WithTests(asked["test"] or WithTests.INCLUDE).flag,
            order_no=fold(asked["order_no"]) or None,
            sendid=fold(asked["sendid"]) or None,
        )
    except (ValueError, BadCursor):
        problem = page_request.translated(_("These search values are invalid."))
    return page_request.page(
        "applications.html",
        asked=asked,
        given=given,
        found=found,
        problem=problem,
        states=list(ApplicationState),
        tests=list(WithTests),
        may_apply=page_request.may(ROLE_OF[Action.APPLICATION_SENT]),
    )
