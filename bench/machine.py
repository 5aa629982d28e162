"""Other load on the machine: figures measured beside other work are less reliable."""

import asyncio
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_SAMPLE_S = 0.5
BUSY = 0.15
"""Share of other load from which a report mentions it."""


async def busy_share() -> float:
    """Return the share of all cores in use over the last half second, 0 to 1.

    Return 0 where the system does not show it.
    """
    idle, total = _times()
    await asyncio.sleep(_SAMPLE_S)
    idle_later, total_later = _times()
    return 1 - (idle_later - idle) / (total_later - total) if total_later > total else 0.0


async def wait_for_calm(patience_s: float) -> float:
    """Wait at most `patience_s` seconds for an idle machine. Return the share in use."""
    deadline = time.monotonic() + patience_s
    while (share := await busy_share()) > BUSY and time.monotonic() < deadline:
        pass
    return share


def _times() -> tuple[int, int]:
    """Return the idle ticks (with waits for the disk) and all ticks, of all cores."""
    if not _STAT.exists():
        return 0, 0
    fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
