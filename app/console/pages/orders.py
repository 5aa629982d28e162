"""Orders: finding one by what a customer on the telephone knows, and its whole story."""

from datetime import datetime
from http import HTTPStatus

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest, order_path
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.console.views.order_timeline import chapters_of
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import BadCursor, OrderNotFound
from app.operations.maintenance.erasure import erase_order
from app.operations.orders import history as operations
from app.operations.orders.history import OrderHistory
from app.operations.orders.search import FoundOrderPage, OrderQuery, search_orders
from app.operations.pagination import Place

_FOUND = 25
_FIELDS = ("order_no", "sendid", "telno_tail", "money", "date")


async def search(visit: PageRequest) -> Response:
    """The form and what was found; without anything asked for, the latest orders. An order number alone leads straight to its order."""
    asked = {name: visit.text(name) for name in _FIELDS}
    given = {name: value for name, value in asked.items() if value}
    problem = None
    found = FoundOrderPage(items=[], next_cursor=None, has_more=False)
    try:
        found = await search_orders(
            visit.dependencies.sessions,
            Place(visit.text("cursor") or None, _FOUND),
            OrderQuery.model_validate(given),
        )
    except ValidationError as error:
        problem = _PROBLEMS.get(str(error.errors()[0]["loc"][0]), _PROBLEMS[""])
    except (ValueError, BadCursor):
        problem = _PROBLEMS[""]
    if list(given) == ["order_no"] and (order_no := await _number_of(visit, asked["order_no"])):
        return visit.go(order_path(order_no))
    text = visit.translated(problem) if problem else None
    return visit.page("orders.html", asked=asked, given=given, found=found, problem=text)


async def show(visit: PageRequest) -> Response:
    """One order, with the customer hidden."""
    return _timeline(
        visit,
        await operations.show_order(visit.dependencies.sessions, _order_no(visit)),
        personal=False,
    )


async def show_personal(visit: PageRequest) -> Response:
    """One order with the customer, which the audit records."""
    return _timeline(
        visit,
        await operations.show_order(
            visit.dependencies.sessions, _order_no(visit), shown_to=visit.actor
        ),
        personal=True,
    )


_PROBLEMS = {
    "telno_tail": _("Give the last four digits of the telephone number."),
    "money": _("Give the amount in digits."),
    "date": _("Give the date as year, month and day."),
    "": _("This cannot be searched for."),
}


async def _number_of(visit: PageRequest, order_no: str) -> str | None:
    """Return the number of the order that is meant, also if none of its calls could be judged; None if there is none."""
    try:
        return (await operations.show_order(visit.dependencies.sessions, order_no)).order_no
    except OrderNotFound:
        return None


def _timeline(visit: PageRequest, history: OrderHistory, *, personal: bool) -> Response:
    return visit.page(
        "order.html",
        history=history,
        chapters=chapters_of(history),
        personal=personal,
        path=order_path(history.order_no),
        erase_path=order_path(history.order_no, "/erase-order"),
        erased_at=_erased_at(history),
        may_erase=visit.may(ROLE_OF[Action.ORDER_ERASED]),
        may_see=visit.may(ROLE_OF[Action.PERSONAL_DATA_SEEN]),
        may_act=visit.may(ROLE_OF[Action.WEBHOOK_RETRIED]),
    )


def _erased_at(history: OrderHistory) -> datetime | None:
    """When the personal data was erased; None if some call has it still."""
    moments = [notice.erased_at for notice in history.notices]
    return max((moment for moment in moments if moment), default=None) if all(moments) else None


def _order_no(visit: PageRequest) -> str:
    return visit.named("order_no")


async def erase(visit: PageRequest) -> Response:
    """Erase it if the box was ticked: a browser demands that, and so do we."""
    order_no = visit.named("order_no")
    back = order_path(order_no)
    if not visit.form.ticked("understood"):
        text = visit.translated(_("Tick the box first: what is erased cannot be brought back."))
        return visit.page(
            "trouble.html",
            HTTPStatus.UNPROCESSABLE_ENTITY,
            title=visit.translated(_("It was not done")),
            text=text,
            back=back,
        )
    erased = await erase_order(visit.dependencies.sessions, visit.actor, order_no)
    return visit.go(back, Flash.ERASED_IN_PART if erased.unjudged else Flash.ERASED)
