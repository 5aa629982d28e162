"""Surroundings of orders: relatives, unwanted purchases, and the locks of purchases. SQL."""

import zlib
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.events.types import OrderState
from app.order_life.consequences import Surroundings, shared_key
from app.order_life.relatives import (
    ALIVE_AT_MOST,
    READ_AT_MOST,
    SENDID_LIMIT,
    Purchase,
    Purchases,
    Relative,
    SendidScope,
    purchase_of,
)
from app.zeus.statuses import parse_status

Values = Mapping[str, str]

_LOCK_SPACE = 7_237
_SHARED_SPACE = 7_238
"""Locks of purchases that many orders may share. They are taken last."""

_LOCK = text("""
SELECT pg_advisory_xact_lock(CAST(:space AS int), key) FROM unnest(CAST(:keys AS int[])) AS key
""")

# The newest orders of each sendid, and one more than relatives may be: then it names no purchase.
SURROUNDINGS = f"""
SELECT 'relative' AS kind, purchase.clientip, purchase.sendid AS value, found.order_no, found.state,
  found.money
FROM unnest(CAST(:clientips AS text[]), CAST(:sendids AS text[])) AS purchase (clientip, sendid)
CROSS JOIN LATERAL (
  SELECT order_no, state, money, orders.clientip FROM orders
  WHERE orders.sendid = purchase.sendid
    AND orders.sendid <> '' AND length(orders.sendid) <= {SENDID_LIMIT}
  ORDER BY orders.sendid DESC, created_at DESC, order_no DESC LIMIT {READ_AT_MOST + 1}
) AS found
WHERE coalesce(found.clientip, '') = purchase.clientip
UNION ALL
SELECT 'application', NULL, CAST(application_id AS text), order_no, state, money FROM orders
WHERE application_id = ANY (CAST(:applications AS uuid[])) AND application_id IS NOT NULL
UNION ALL
SELECT kind, NULL, value, NULL, NULL, NULL FROM unwanted
WHERE kind = 'order_no' AND value = ANY (CAST(:order_nos AS text[]))
  OR kind = 'sendid' AND value = ANY (CAST(:unwanted_sendids AS text[]))
"""  # noqa: S608 - only our own constants are put in
_SURROUNDINGS = text(SURROUNDINGS)

_TOLD = text("SELECT key FROM reviews WHERE key = ANY (CAST(:keys AS text[]))")


async def lock_purchases(session: Statements, purchases: Collection[Purchase | UUID]) -> None:
    """Wait until no other transaction judges payments of these purchases and applications.

    The locks last until the transaction ends. They are taken after those of the lanes and before
    that of the feed, always in the same order, so that nobody waits in a circle.
    """
    await _lock(session, _LOCK_SPACE, purchases)


async def _lock(session: Statements, space: int, purchases: Collection[Purchase | UUID]) -> None:
    if purchases:
        keys = sorted({_key_of(purchase) for purchase in purchases})
        await session.execute(_LOCK, {"space": space, "keys": keys})


@dataclass(frozen=True, slots=True)
class Around:
    """What is to be read around orders that get calls: each call with its values and those of its
    order.

    `applications` are those that the orders come from.
    """

    calls: Sequence[tuple[Values, Values]]
    order_nos: Collection[str]
    scope: SendidScope
    applications: Collection[UUID] = ()

    @property
    def sendids(self) -> set[str]:
        """Return the sendids of all calls and orders."""
        return {values.get("sendid", "") for call in self.calls for values in call} - {""}

    @property
    def purchases(self) -> dict[Purchase, list[bool]]:
        """Return the purchases of the calls and of their orders, and which calls are payments."""
        return _purchases_of(self.calls) if self.scope is SendidScope.ORDER else {}

    def covers(self, other: Self) -> bool:
        """Return True if nothing is asked for by `other` that is not asked for here."""
        return (
            self.purchases.keys() >= other.purchases.keys()
            and set(self.order_nos) >= set(other.order_nos)
            and self.sendids >= other.sendids
            and set(self.applications) >= set(other.applications)
        )

    def parameters(self) -> dict[str, Any]:
        """Return the parameters of SURROUNDINGS."""
        return _parameters(self.purchases, self.order_nos, self.sendids, self.applications)


async def read_around(
    session: Statements, asked: Around, seen_of: Around, seen: Surroundings
) -> Surroundings:
    """Read what is around orders that get calls.

    `seen` was read for `seen_of` without locks, and is enough if nothing has to be locked. Payments
    of one purchase are judged one after the other: neither of two that come in the same moment may
    overlook the other. So are calls after which too many orders may share a sendid, so that this is
    told once.
    """
    purchases = asked.purchases
    paid: list[Purchase | UUID] = [one for one, payments in purchases.items() if any(payments)]
    if any(_recurs(meant) for meant, _ in asked.calls):
        paid += asked.applications
    await lock_purchases(session, paid)
    needed = purchases, asked.order_nos, asked.sendids, asked.applications
    if paid or not seen_of.covers(asked) or seen.purchases.are_many:
        seen = await read_surroundings(session, *needed)
    shared = seen.purchases.untold({one: len(calls) for one, calls in purchases.items()})
    if not shared:
        return seen
    await _lock(session, _SHARED_SPACE, shared)
    return await read_surroundings(session, *needed)


def _recurs(meant: Values) -> bool:
    status = parse_status(meant.get("status"))
    return status is not None and status.recurs


def _purchases_of(calls: Iterable[tuple[Values, Values]]) -> dict[Purchase, list[bool]]:
    """Return the purchases of these calls and of their orders, and which calls are payments."""
    purchases: dict[Purchase, list[bool]] = {}
    for meant, before in calls:
        for purchase in {purchase_of({**before, **meant}), purchase_of(before)}:
            if purchase is not None:
                purchases.setdefault(purchase, []).append(_recurs(meant))
    return purchases


async def read_surroundings(
    session: Statements,
    purchases: Collection[Purchase],
    order_nos: Collection[str],
    sendids: Collection[str],
    applications: Collection[UUID] = (),
) -> Surroundings:
    """Return the orders of these purchases and applications, and which orders and sendids are
    unwanted.
    """
    parameters = _parameters(purchases, order_nos, sendids, applications)
    rows = await session.execute(_SURROUNDINGS, parameters)
    found = surroundings_of(purchases, applications, rows)
    found.purchases.told.update(await _told(session, found.purchases))
    return found


def _parameters(
    purchases: Collection[Purchase],
    order_nos: Collection[str],
    sendids: Collection[str],
    applications: Collection[UUID],
) -> dict[str, Any]:
    return {
        "clientips": [purchase.clientip for purchase in purchases],
        "sendids": [purchase.sendid for purchase in purchases],
        "order_nos": list(order_nos),
        "unwanted_sendids": list(sendids),
        "applications": list(applications),
    }


def surroundings_of(
    purchases: Iterable[Purchase], applications: Iterable[UUID], rows: Iterable[Sequence[Any]]
) -> Surroundings:
    """Return the surroundings in the rows of SURROUNDINGS. None of the purchases is told yet."""
    found = Purchases(
        {purchase: {} for purchase in purchases},
        of_applications={application_id: {} for application_id in applications},
    )
    unwanted: dict[str, set[str]] = {"order_no": set(), "sendid": set()}
    for kind, clientip, value, order_no, state, money in rows:
        if kind == "relative":
            relative = Relative(order_no, OrderState(state), money)
            found.orders[Purchase(clientip, value)][order_no] = relative
        elif kind == "application":
            relative = Relative(order_no, OrderState(state), money)
            found.of_applications[UUID(value)][order_no] = relative
        else:
            unwanted[kind].add(value)
    return Surroundings(found, unwanted["order_no"], unwanted["sendid"])


async def _told(session: Statements, purchases: Purchases) -> set[Purchase]:
    """Return those shared by too many orders of which a review tells."""
    many = {
        shared_key(*purchase): purchase
        for purchase, orders in purchases.orders.items()
        if len(orders) >= ALIVE_AT_MOST
    }
    if not many:
        return set()
    return {many[key] for key in (await session.execute(_TOLD, {"keys": list(many)})).scalars()}


def _key_of(purchase: Purchase | UUID) -> int:
    """Return the key of the lock of a purchase or application, a signed integer of 32 bits."""
    named = str(purchase) if isinstance(purchase, UUID) else " ".join(purchase)
    return zlib.crc32(named.encode()) - 2**31
