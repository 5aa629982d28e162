"""First look: one statement reads nearly all that a batch needs. SQL."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from uuid import UUID

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.judging.sql import KNOWN_ORDERS, UnjudgedNotice, read_orders
from app.judging.surroundings import SURROUNDINGS, Around, surroundings_of
from app.order_life.consequences import Surroundings
from app.order_life.order_state import KnownOrder

FIRST_LOOK = text(f"""
WITH {KNOWN_ORDERS}
SELECT orders, occurrences, (
    SELECT json_agg(json_build_array(kind, clientip, value, order_no, state, money))
    FROM ({SURROUNDINGS}) AS around
  ) AS around, ARRAY (
    SELECT taken.id
    FROM unnest(CAST(:ids AS uuid[]), CAST(:versions AS xid[])) AS taken (id, version)
    WHERE NOT coalesce((
      SELECT verdict IS NULL AND xmin = taken.version FROM notices WHERE notices.id = taken.id
    ), false)
  ) AS changed
FROM orders_known
""")  # noqa: S608 - only our own constants are put in


@dataclass(frozen=True, slots=True)
class FirstLook:
    """Known orders, what is around them without locks, and the notices that changed after they
    were taken: another worker may have judged them.
    """

    orders: Mapping[str, KnownOrder] = field(default_factory=dict)
    around: Surroundings = field(default_factory=Surroundings)
    changed: Collection[UUID] = ()


async def look(
    session: Statements,
    notices: Sequence[UnjudgedNotice],
    order_nos: Collection[str],
    around: Around,
) -> FirstLook:
    """Look at the orders with these numbers, and at what is around them. The lanes are locked."""
    others = [notice for notice in notices if notice.version is not None]
    parameters = {
        **around.parameters(),
        "order_nos": list(order_nos),
        "ids": [notice.id for notice in others],
        "versions": [notice.version for notice in others],
    }
    row = (await session.execute(FIRST_LOOK, parameters)).one()
    return FirstLook(
        read_orders(row.orders, row.occurrences),
        surroundings_of(around.purchases, (), row.around or ()),
        frozenset(row.changed),
    )
