"""Routes of orders, /v1/orders: search, history, erasure, and marks of unwanted ones."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Query, Response

from app.api.dependencies import ShownTo, WithActor, WithDependencies, WithPlace
from app.api.problems import documented
from app.events.types import OrderState
from app.operations.maintenance import erasure
from app.operations.maintenance.erasure import Erased
from app.operations.models import Line
from app.operations.orders import history as operations
from app.operations.orders import search
from app.operations.orders.days import Day
from app.operations.orders.history import OrderHistory
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.search import FoundOrderPage, Money, OrderQuery, Tail
from app.operations.reviews import unwanted
from app.operations.reviews.unwanted import Unwanted

router = APIRouter(prefix="/orders", tags=["orders"])

# Zeus may send any text as order_no, so a slash must work.
OrderNo = Annotated[
    Line,
    Path(
        max_length=255,
        description="Zeus's order number (オーダー番号).",
        examples=["1234-56789-01234"],
    ),
]
WantedOrderNo = Annotated[
    Line | None, Query(max_length=255, description="The order with exactly this number.")
]
WantedSendid = Annotated[
    Line | None, Query(min_length=1, max_length=255, description="Orders with exactly this sendid.")
]
WantedTail = Annotated[
    Tail | None,
    Query(
        description="Orders of customers whose telephone number ends in these four digits.",
    ),
]
WantedMoney = Annotated[Money | None, Query(description="Orders of this amount in yen.")]
WantedDate = Annotated[
    Day | None,
    Query(
        description="Orders whose first call was judged on this day in Japan.",
        examples=["2026-11-23"],
    ),
]


WantedState = Annotated[OrderState | None, Query(description="Orders in this state now.")]
WantedFirstDay = Annotated[
    Day | None,
    Query(
        alias="from",
        description="Orders whose first call was judged on this day in Japan or later.",
        examples=["2026-11-01"],
    ),
]
WantedLastDay = Annotated[
    Day | None,
    Query(
        alias="to",
        description="Orders whose first call was judged on this day in Japan or earlier.",
        examples=["2026-11-30"],
    ),
]
WantedTests = Annotated[
    WithTests,
    Query(description="Include or exclude orders of test applications, or show only these."),
]


async def _wanted(
    order_no: WantedOrderNo = None,
    sendid: WantedSendid = None,
    telno_tail: WantedTail = None,
    money: WantedMoney = None,
    date: WantedDate = None,
    state: WantedState = None,
    first_day: WantedFirstDay = None,
    last_day: WantedLastDay = None,
    test: WantedTests = WithTests.INCLUDE,
) -> OrderQuery:
    return OrderQuery(
        order_no=order_no,
        sendid=sendid,
        telno_tail=telno_tail,
        money=money,
        date=date,
        state=state,
        first_day=first_day,
        last_day=last_day,
        test=test,
    )


WithOrderQuery = Annotated[OrderQuery, Depends(_wanted)]


@router.get("")
async def search_orders(
    dependencies: WithDependencies, place: WithPlace, query: WithOrderQuery
) -> FoundOrderPage:
    """List the orders that match every given value, the newest first."""
    return await search.search_orders(dependencies.sessions, place, query)


@router.post("/{order_no:path}/erase", responses=documented(HTTPStatus.NOT_FOUND))
async def erase_order(
    dependencies: WithDependencies, order_no: OrderNo, actor: WithActor
) -> Erased:
    """Erase an order's personal data: raw calls, customer, subscribers' answers. Verdicts stay.

    This erases from the database. `zeus-relay spool forget` erases from the disk of a receiver.
    """
    return await erasure.erase_order(dependencies.sessions, actor, order_no)


@router.put("/{order_no:path}/unwanted")
async def mark_order_unwanted(
    dependencies: WithDependencies, order_no: OrderNo, actor: WithActor
) -> Unwanted:
    """Mark an order as cancelled by the merchant. A payment makes the review `unwanted_payment`.

    The order need not be known yet. Zeus is not told: the slip can still be paid.
    """
    return await unwanted.reject_order(
        dependencies.sessions, order_no, actor, dependencies.decision_rules
    )


@router.delete(
    "/{order_no:path}/unwanted",
    status_code=HTTPStatus.NO_CONTENT,
    responses=documented(HTTPStatus.NOT_FOUND),
)
async def unmark_order_unwanted(
    dependencies: WithDependencies, order_no: OrderNo, actor: WithActor
) -> Response:
    """Remove the mark of an order. Reviews that it opened stay open."""
    await unwanted.want_order(dependencies.sessions, order_no, actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.get("/{order_no:path}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_order(
    dependencies: WithDependencies, order_no: OrderNo, shown_to: ShownTo
) -> OrderHistory:
    """Show an order with its calls, events, webhooks and attempts."""
    return await operations.show_order(dependencies.sessions, order_no, shown_to=shown_to)
