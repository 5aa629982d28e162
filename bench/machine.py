"""What else the machine is doing: figures taken beside other work say less, and the reader should know."""

import asyncio
import time
from pathlib import Path

_STAT = Path("/proc/stat")
_SAMPLE_S = 0.5
BUSY = 0.15
"""From this share on, what else runs is worth mentioning."""


async def busy_share() -> float:
    """The share of all cores that was in use over the last half second, 0 to 1; 0 where the system does not tell."""
    idle, total = _times()
    await asyncio.sleep(_SAMPLE_S)
    idle_later, total_later = _times()
    return 1 - (idle_later - idle) / (total_later - total) if total_later > total else 0.0


async def wait_for_calm(patience_s: float) -> float:
    """Wait until the machine has next to nothing to do, at most `patience_s` seconds, and return the share that is in use."""
    deadline = time.monotonic() + patience_s
    while (share := await busy_share()) > BUSY and time.monotonic() < deadline:
        pass
    return share


def _times() -> tuple[int, int]:
    """Ticks idle (waiting for the disk included) and ticks in all, of all cores."""
    if not _STAT.exists():
        return 0, 0
    fields = [int(field) for field in _STAT.read_text().split("\n", 1)[0].split()[1:9]]
    return fields[3] + fields[4], sum(fields)
