"""/v1/orders: what is known of one order."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path

from app.api.parts import Personal, WithParts
from app.api.problems import documented
from app.operating import orders as operating
from app.operating.orders import OrderHistory
from app.operating.values import Line

router = APIRouter(prefix="/orders", tags=["orders"])

# Whatever Zeus sends as order_no can be looked up, a slash included.
OrderNo = Annotated[Line, Path(max_length=255, description="Zeus's order number (オーダー番号).", examples=["1234-56789-01234"])]


@router.get("/{order_no:path}", responses=documented(HTTPStatus.NOT_FOUND))
async def show_order(parts: WithParts, order_no: OrderNo, personal: Personal = False) -> OrderHistory:
    """An order with its calls, events, webhooks and attempts."""
    return await operating.show_order(parts.sessions, order_no, personal=personal)
