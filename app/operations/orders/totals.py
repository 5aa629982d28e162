"""Totals of orders by day, store or IP code, and by state: numbers and sums of money."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from enum import StrEnum
from typing import Annotated, Any

from pydantic import ConfigDict, Field
from sqlalchemy import ColumnElement, Select, func, literal_column, select

from app.clock import now
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.orders import OrderRow
from app.events.types import OrderState
from app.operations.errors import BadRange
from app.operations.models import Value
from app.operations.orders.days import JAPAN, Day, span_of
from app.operations.orders.real_or_test import WithTests
from app.zeus.stores import store_of

MOST_DAYS = 400
"""Longest range: a year, and the month that a yearly report compares it with."""
DEFAULT_DAYS = 30

PAYABLE = frozenset(
    {
        OrderState.PAID,
        OrderState.CONFIRMED,
        OrderState.PAID_AFTER_CANCEL,
        OrderState.CONFIRMED_AFTER_CANCEL,
    }
)
"""支払対象: states in which Zeus owes the merchant the money, as far as is known now."""
_RANKS: Mapping[str, int] = {state: rank for rank, state in enumerate(OrderState)}


class Grouping(StrEnum):
    """Kind of groups: day in Japan of the order's first call, store chain, or IP code."""

    DAY = "day"
    STORE = "store"
    CLIENTIP = "clientip"


_KEYS: Mapping[Grouping, ColumnElement[Any]] = {
    # Japan has had no summer time since 1951, so no time zone database is needed.
    Grouping.DAY: func.to_char(
        literal_column("orders.created_at AT TIME ZONE INTERVAL '09:00'"),
        literal_column("'YYYY-MM-DD'"),
    ),
    Grouping.STORE: func.nullif(OrderRow.pay_cvs, literal_column("''")),
    Grouping.CLIENTIP: func.nullif(OrderRow.clientip, literal_column("''")),
}


class TotalsQuery(Value):
    """Range of days and kind of groups."""

    model_config = ConfigDict(extra="forbid", populate_by_name=True)

    first_day: Annotated[Day | None, Field(alias="from", examples=["2026-11-01"])] = None
    """First day of the range in Japan. Default: 30 days with the last."""
    last_day: Annotated[Day | None, Field(alias="to", examples=["2026-11-30"])] = None
    """Last day of the range. Default: today, or 30 days with the first."""
    by: Grouping = Grouping.DAY
    test: WithTests = WithTests.EXCLUDE
    """Part of the orders of test applications. They are left out unless asked for."""

    @property
    def days(self) -> tuple[date, date]:
        """Return the first and the last day. Raise BadRange."""
        first, last = self.first_day, self.last_day
        if last is None:
            last = now().astimezone(JAPAN).date()
            if first is not None and first + timedelta(days=DEFAULT_DAYS) <= last:
                last = first + timedelta(days=DEFAULT_DAYS - 1)
        if first is None:
            first = max(date(2000, 1, 1), last - timedelta(days=DEFAULT_DAYS - 1))
        span_of(first, last)
        if (last - first).days >= MOST_DAYS:
            raise BadRange(f"The range has more than {MOST_DAYS} days.")
        return first, last


class Total(Value):
    """Number of orders and the sum of their money."""

    orders: Annotated[int, Field(examples=[12])]
    money: Annotated[int, Field(examples=[64800])]
    """Yen."""
    without_money: Annotated[int, Field(examples=[0])]
    """Orders among them whose amount is missing or unreadable, so that `money` lacks it."""


class StateTotal(Total):
    """Total of the orders in one state."""

    state: OrderState


class Breakdown(Total):
    """Total of some orders, with those that Zeus pays and those of each state."""

    payable: Total
    """支払対象: paid or confirmed, and not reversed."""
    states: list[StateTotal]
    """States that occur, in the order of an order's life."""


class GroupTotal(Breakdown):
    """Total of one day, store or IP code."""

    key: Annotated[str | None, Field(examples=["2026-11-23"])]
    """Day, `pay_cvs` or `clientip`; None for orders without one."""
    name: Annotated[str | None, Field(examples=[None])]
    """Name of the store."""


class Totals(Value):
    """Totals of the orders whose first call was judged in the range, by their state now."""

    model_config = ConfigDict(serialize_by_alias=True, populate_by_name=True)

    first_day: Annotated[date, Field(alias="from")]
    last_day: Annotated[date, Field(alias="to")]
    by: Grouping
    test: WithTests
    """Part of the orders of test applications: left out (`exclude`) unless asked for."""
    total: Breakdown
    groups: list[GroupTotal]
    """Each day of the range; or stores or IP codes with orders, the largest payable sum first."""


async def read_totals(sessions: Sessions, query: TotalsQuery) -> Totals:
    """Return the totals of a range of days. Raise BadRange."""
    first, last = query.days
    async with snapshot(sessions) as session:
        rows = (await session.execute(_statement(first, last, query))).all()
    found: dict[str | None, list[StateTotal]] = defaultdict(list)
    for key, state, orders, money, without in rows:
        found[key].append(
            StateTotal(
                state=OrderState(state), orders=orders, money=int(money), without_money=without
            )
        )
    return Totals(
        first_day=first,
        last_day=last,
        by=query.by,
        test=query.test,
        total=Breakdown(**_breakdown(state for states in found.values() for state in states)),
        groups=_groups(found, _days(first, last) if query.by is Grouping.DAY else None),
    )


def _statement(first: date, last: date, query: TotalsQuery) -> Select[*tuple[Any, ...]]:
    span, key = span_of(first, last), _KEYS[query.by]
    return (
        select(
            key,
            OrderRow.state,
            func.count(),
            func.coalesce(func.sum(OrderRow.money), 0),
            func.count() - func.count(OrderRow.money),
        )
        .where(
            OrderRow.created_at >= span.begin,
            OrderRow.created_at < span.end,
            *query.test.conditions,
        )
        .group_by(key, OrderRow.state)
    )


def _groups(
    found: Mapping[str | None, list[StateTotal]], days: list[str] | None
) -> list[GroupTotal]:
    groups = [
        GroupTotal(key=key, name=_name_of(key, days), **_breakdown(found.get(key, ())))
        for key in (found if days is None else days)
    ]
    if days is None:
        groups.sort(key=lambda group: (-group.payable.money, -group.orders, group.key or ""))
    return groups


def _name_of(key: str | None, days: list[str] | None) -> str | None:
    store = None if days is not None else store_of(key)
    return store.name if store else None


def _days(first: date, last: date) -> list[str]:
    count = (last - first).days + 1
    return [(first + timedelta(days=number)).isoformat() for number in range(count)]


def _breakdown(states: Iterable[StateTotal]) -> dict[str, object]:
    """Return the fields of a Breakdown of these totals, equal states added up."""
    by_state: dict[OrderState, list[StateTotal]] = defaultdict(list)
    for total in states:
        by_state[total.state].append(total)
    merged = [
        StateTotal(state=state, **_sum(totals))
        for state, totals in sorted(by_state.items(), key=lambda item: _RANKS[item[0]])
    ]
    payable = Total(**_sum([total for total in merged if total.state in PAYABLE]))
    return {**_sum(merged), "payable": payable, "states": merged}


def _sum(totals: Iterable[Total]) -> dict[str, int]:
    listed = list(totals)
    return {
        name: sum(getattr(total, name) for total in listed)
        for name in ("orders", "money", "without_money")
    }
