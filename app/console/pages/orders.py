"""Order pages: search, history and erasure of orders."""

from datetime import datetime
from http import HTTPStatus

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest, order_path
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.console.views.order_timeline import timeline_of
from app.console.views.review_values import values_of_review
from app.events.types import OrderState
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.applications.applications import list_applications
from app.operations.applications.models import Application
from app.operations.errors import BadCursor, BadRange, NotAcceptable, OrderNotFound
from app.operations.mails.mails import list_mails
from app.operations.mails.models import Mail
from app.operations.maintenance.erasure import erase_order
from app.operations.orders import history as operations
from app.operations.orders.history import OrderHistory
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.search import FoundOrderPage, OrderQuery, search_orders
from app.operations.pagination import Place
from app.operations.reviews.unwanted import reject_order, want_purchase
from app.operations.typed_input import fold

_PAGE_SIZE = 25
_MOST_APPLICATIONS = 5
_MOST_MAILS = 50
_FIELDS = ("order_no", "sendid", "telno_tail", "money", "state", "from", "to", "test")


async def search(page_request: PageRequest) -> Response:
    """Show the search form and its results, or the newest orders without a search.

    An order number alone redirects to its order.
    """
    given = filters_of(page_request)
    asked = dict.fromkeys(_FIELDS, "") | given
    problem = None
    found = FoundOrderPage(items=[], next_cursor=None, has_more=False)
    try:
        found = await search_orders(
            page_request.dependencies.sessions,
            Place(page_request.text("cursor") or None, _PAGE_SIZE),
            OrderQuery.model_validate(given),
        )
    except ValidationError as error:
        problem = _PROBLEMS.get(str(error.errors()[0]["loc"][0]), _PROBLEMS[""])
    except BadRange:
        problem = _PROBLEMS["range"]
    except (ValueError, BadCursor):
        problem = _PROBLEMS[""]
    if list(given) == ["order_no"] and (
        order_no := await _number_of(page_request, asked["order_no"])
    ):
        return page_request.go(order_path(order_no))
    text = page_request.translated(problem) if problem else None
    return page_request.page(
        "orders.html",
        asked=asked,
        given=given,
        found=found,
        problem=text,
        states=list(OrderState),
        tests=list(WithTests),
    )


def filters_of(page_request: PageRequest) -> dict[str, str]:
    """Return the search values of the page's address. `date` is a range of one day."""
    day = page_request.text("date")
    asked = {name: page_request.text(name) for name in _FIELDS}
    asked |= {name: asked[name] or day for name in ("from", "to")}
    return {name: value for name, value in asked.items() if value}


async def show(page_request: PageRequest) -> Response:
    """Show an order with masked customer data, or its application before the first call."""
    order_no = _order_no(page_request)
    try:
        history = await operations.show_order(page_request.dependencies.sessions, order_no)
    except OrderNotFound:
        applications = await _applications(page_request, order_no)
        if not applications:
            raise
        return page_request.go(f"/applications/{applications[0].id}")
    return await _timeline(page_request, history, personal=False)


async def show_personal(page_request: PageRequest) -> Response:
    """Show an order with customer data; the audit log records the view."""
    history = await operations.show_order(
        page_request.dependencies.sessions, _order_no(page_request), shown_to=page_request.actor
    )
    return await _timeline(page_request, history, personal=True)


_PROBLEMS = {
    "telno_tail": _("Enter the last four digits of the telephone number."),
    "money": _("Enter the amount in digits."),
    **dict.fromkeys(("from", "to"), _("Enter the date as year, month and day.")),
    "range": _("The first day is later than the last."),
    "": _("These search values are invalid."),
}


async def _number_of(page_request: PageRequest, order_no: str) -> str | None:
    """Return the matching order number, even if none of its calls could be judged; else None.

    An application before its first call matches too: the order's page leads to it.
    """
    try:
        return (await operations.show_order(page_request.dependencies.sessions, order_no)).order_no
    except OrderNotFound:
        plain = fold(order_no)
        return plain if await _applications(page_request, plain) else None


async def _applications(page_request: PageRequest, order_no: str) -> list[Application]:
    """Return the applications with this order number, the oldest first."""
    sessions = page_request.dependencies.sessions
    found = await list_applications(sessions, Place(limit=_MOST_APPLICATIONS), order_no=order_no)
    return found.items[::-1]


async def _mails(page_request: PageRequest, order_no: str) -> list[Mail]:
    """Return the newest mails about this order, the oldest first."""
    sessions = page_request.dependencies.sessions
    found = await list_mails(sessions, Place(limit=_MOST_MAILS), order_no=order_no)
    return found.items[::-1]


async def _timeline(
    page_request: PageRequest, history: OrderHistory, *, personal: bool
) -> Response:
    return page_request.page(
        "order.html",
        history=history,
        applications=await _applications(page_request, history.order_no),
        entries=timeline_of(history, await _mails(page_request, history.order_no)),
        personal=personal,
        path=order_path(history.order_no),
        open_reviews=[review for review in history.reviews if review.settled_at is None],
        values={review.id: values_of_review(review) for review in history.reviews},
        mark_path=order_path(history.order_no, "/mark-unwanted"),
        unmark_path=order_path(history.order_no, "/unmark-unwanted"),
        erase_path=order_path(history.order_no, "/erase-order"),
        erased_at=_erased_at(history),
        may_erase=page_request.may(ROLE_OF[Action.ORDER_ERASED]),
        may_see=page_request.may(ROLE_OF[Action.PERSONAL_DATA_SEEN]),
        may_act=page_request.may(ROLE_OF[Action.WEBHOOK_RETRIED]),
    )


def _erased_at(history: OrderHistory) -> datetime | None:
    """Return the time of the erasure; None if a call still has personal data."""
    moments = [notice.erased_at for notice in history.notices]
    return max((moment for moment in moments if moment), default=None) if all(moments) else None


def _order_no(page_request: PageRequest) -> str:
    return page_request.named("order_no")


async def erase(page_request: PageRequest) -> Response:
    """Erase an order's personal data if the box was ticked, which browsers enforce too."""
    order_no = page_request.named("order_no")
    back = order_path(order_no)
    if not page_request.form.ticked("understood"):
        text = page_request.translated(_("Tick the box first: erased data cannot be restored."))
        return page_request.page(
            "error.html",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            title=page_request.translated(_("The action was not carried out")),
            text=text,
            back=back,
        )
    erased = await erase_order(page_request.dependencies.sessions, page_request.actor, order_no)
    return page_request.go(back, Flash.ERASED_IN_PART if erased.unjudged else Flash.ERASED)


async def mark_unwanted(page_request: PageRequest) -> Response:
    """Mark the order as cancelled by the merchant."""
    order_no = page_request.named("order_no")
    dependencies = page_request.dependencies
    try:
        await reject_order(
            dependencies.sessions, order_no, page_request.actor, dependencies.decision_rules
        )
    except NotAcceptable as error:
        return page_request.action_failed(error)
    return page_request.go(order_path(order_no), Flash.UNWANTED)


async def unmark_unwanted(page_request: PageRequest) -> Response:
    """Remove the marks of the order and of its sendid."""
    order_no = page_request.named("order_no")
    await want_purchase(page_request.dependencies.sessions, order_no, page_request.actor)
    return page_request.go(order_path(order_no), Flash.WANTED)
