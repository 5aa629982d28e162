"""Release of an order as operators see it: may the goods be sent, and what holds them."""

from collections.abc import Sequence
from enum import StrEnum
from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.db.tables.orders import OrderRow
from app.operations.models import Value


class ReleaseState(StrEnum):
    """Answer to the question if the goods may be sent."""

    RELEASED = "released"
    """They may."""
    HELD = "held"
    """They must not: an open review or a decision holds them."""
    WAITING = "waiting"
    """Nothing has released them yet."""
    REVOKED = "revoked"
    """They were released, then the payment was reversed."""


class OrderRelease(Value):
    """Release of an order's goods in its present payment cycle."""

    state: ReleaseState
    """`released`: the goods may be sent. `held`: reviews or a decision to hold forbid it.
    `waiting`: nothing has released them yet. `revoked`: the payment was reversed afterwards.
    """
    released_cycle: Annotated[int | None, Field(examples=[1])]
    """Payment cycle in which the goods were last released."""
    held_by: list[UUID]
    """Open reviews that hold the goods. Empty if a decision holds them."""


def release_of(row: OrderRow | None, held_by: Sequence[UUID]) -> OrderRelease:
    """Return the release of an order, of which `held_by` are the open reviews that hold it."""
    released_cycle = row.released_cycle if row else None
    return OrderRelease(
        state=state_of(row, held=bool(held_by)),
        released_cycle=released_cycle,
        held_by=list(held_by),
    )


def state_of(row: OrderRow | None, *, held: bool) -> ReleaseState:
    """Return the state of the release. `held` tells if an open review holds the order."""
    if row is not None and row.revoked_cycle == row.cycle:
        return ReleaseState.REVOKED
    if held or (row is not None and row.held_cycle == row.cycle):
        return ReleaseState.HELD
    if row is not None and row.released_cycle == row.cycle:
        return ReleaseState.RELEASED
    return ReleaseState.WAITING
