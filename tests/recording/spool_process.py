"""Process for tests to kill.

`write DIR` spools notices and prints the ids that it has acknowledged; `drain DIR URL` drains until
it is ended.
"""

import asyncio
import sys
from pathlib import Path

from app.recording.spool.drainer import Drainer
from app.recording.spool.spool import Spool
from tests.recording.recording_setup import LIMIT, make_notice


async def write(directory: Path) -> None:
    spool = Spool(directory, limit=LIMIT, segment_bytes=20_000)

    async def caller(first: int) -> None:
        for number in range(first, 1_000_000, 8):
            notice = make_notice(number)
            await spool.append(notice)
            print(notice.id, flush=True)

    await asyncio.gather(*(caller(first) for first in range(8)))


if __name__ == "__main__":
    where = Path(sys.argv[2])
    asyncio.run(write(where) if sys.argv[1] == "write" else Drainer(sys.argv[3], where).run())
