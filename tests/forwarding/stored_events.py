"""Fan-out of events that are stored already. The service fans events out as it writes them."""

from collections.abc import Sequence
from datetime import timedelta
from uuid import UUID

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncSession

from app.forwarding.fan_out import FAN_OUT, FANNED_OUT
from app.forwarding.immediate_leases import Room
from app.forwarding.leased_fan_out import (
    FAN_OUT_LEASED,
    LeasedFanOut,
    lease_parameters,
    read_leased,
)

_STORED = "new_events AS (SELECT * FROM events WHERE id = ANY (CAST(:event_ids AS uuid[])))"
FAN_OUT_STORED = text(f"WITH {_STORED}, {FAN_OUT} SELECT id FROM owed")
_LEASE_STORED = text(f"WITH {_STORED}, {FAN_OUT_LEASED} SELECT * FROM leased_fan_out")


async def fan_out(
    session: AsyncSession, event_ids: Sequence[UUID], *, delay: timedelta = timedelta(0)
) -> int:
    """Create the webhooks of these events, and return how many are new."""
    parameters = {"event_ids": list(event_ids), "types": FANNED_OUT, "delay": delay}
    return len((await session.execute(FAN_OUT_STORED, parameters)).all())


async def fan_out_leased(
    session: AsyncSession, event_ids: Sequence[UUID], room: Room
) -> LeasedFanOut:
    """Create the webhooks of these events, and lease those for which there is room."""
    parameters = {"event_ids": list(event_ids), **lease_parameters(room)}
    return read_leased((await session.execute(_LEASE_STORED, parameters)).mappings().all(), room)
