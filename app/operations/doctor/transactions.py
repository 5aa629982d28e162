"""Doctor checks for old transactions and for replication slots that keep write-ahead log (WAL)."""

from app.db.checks.old_transactions import (
    MOST_WAL_BYTES,
    OLD_SECONDS,
    OLD_TRANSACTIONS,
    Holder,
    Horizon,
    Slot,
    read_horizons,
    read_slots,
)
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.operations.doctor.findings import Finding, ok, warning

_REMEDIES = {
    Holder.SESSION: (
        "find it in pg_stat_activity; if nobody needs it, end it with pg_terminate_backend"
    ),
    Holder.PREPARED: "finish it with COMMIT PREPARED or ROLLBACK PREPARED",
    Holder.REPLICA: "end the long query on the replica, or set hot_standby_feedback = off there",
}


async def check_transactions(sessions: Sessions) -> list[Finding]:
    """Return findings about old transactions and replication slots."""
    async with snapshot(sessions) as session:
        horizons, slots = await read_horizons(session), await read_slots(session)
    return [*check_horizons(horizons), *check_slots(slots)]


def check_horizons(horizons: list[Horizon]) -> list[Finding]:
    """Return a warning for each transaction that has kept dead rows too long."""
    old = [
        warning(
            "old transaction",
            f"{horizon.holder} {horizon.name} keeps dead rows, {_age(horizon)}",
            _REMEDIES[Holder(horizon.holder)],
        )
        for horizon in horizons
        if (horizon.seconds or 0) > OLD_SECONDS
        or (horizon.seconds is None and horizon.transactions > OLD_TRANSACTIONS)
    ]
    return old or [ok("old transaction", "no transaction is old")]


def check_slots(slots: list[Slot]) -> list[Finding]:
    """Return a warning for each slot that has no reader or keeps much write-ahead log."""
    remedy = (
        "restart its reader, or drop it with pg_drop_replication_slot; "
        "max_slot_wal_keep_size limits its WAL"
    )
    wrong = [
        warning(
            "replication slot",
            f"{slot.name} {_state(slot)} and keeps {slot.wal_bytes / 1024**2:.0f} MiB of WAL",
            remedy,
        )
        for slot in slots
        if not slot.active or slot.wal_bytes > MOST_WAL_BYTES
    ]
    return wrong or [
        ok(
            "replication slot",
            f"{len(slots)} in use, none keeps much WAL" if slots else "there is none",
        )
    ]


def _age(horizon: Horizon) -> str:
    if horizon.seconds is None:
        return f"{horizon.transactions:,} transactions old"
    return f"{horizon.seconds / 60:.0f} minutes old"


def _state(slot: Slot) -> str:
    return "is read" if slot.active else "has no reader"
