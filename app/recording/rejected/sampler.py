"""Sampler of rejected calls: keeps a few that look like Zeus's, to show that a source is missing
from RELAY_ALLOWED_SOURCES.
"""

import asyncio
import time

from app.db.connections import CONNECT_ERRORS, connect, describe_error
from app.logs import get_logger
from app.metrics import samples_kept
from app.recording.notice import RawNotice

KEPT = 100
"""Samples in the table at most. A new one replaces the oldest."""
SECONDS_BETWEEN = 1.0
SIZE_LIMIT = 16 * 1024
"""Bytes of target, header lines and body together at most. Zeus's calls are smaller."""
_RETRY_SECONDS = 5.0

_KEEP = """
INSERT INTO rejected_samples (id, lane, received_at, source, method, target, headers, body)
VALUES ($1, $2, $3, $4::text::inet, $5, $6, $7, $8)
"""
_DELETE_OLDEST = f"""
DELETE FROM rejected_samples
WHERE id IN (SELECT id FROM rejected_samples ORDER BY id DESC OFFSET {KEPT})
"""  # noqa: S608

log = get_logger("samples")


class Sampler:
    """Keeps at most one sample in SECONDS_BETWEEN.

    Never waits for the database: drops a sample if full.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._next = 0.0
        self._offered: asyncio.Queue[RawNotice] = asyncio.Queue(maxsize=1)

    def has_room(self) -> bool:
        """Return True if a sample offered now would be kept."""
        return time.monotonic() >= self._next and not self._offered.full()

    def offer(self, notice: RawNotice) -> bool:
        """Keep the call if there is room and it is small enough. Return True if it was kept."""
        if (
            not self.has_room()
            or len(notice.target) + len(notice.headers) + len(notice.body) > SIZE_LIMIT
        ):
            return False
        self._next = time.monotonic() + SECONDS_BETWEEN
        self._offered.put_nowait(notice)
        return True

    async def run(self) -> None:
        """Write samples until cancelled; drop those that cannot be written."""
        while True:
            notice = await self._offered.get()
            try:
                await self._write(notice)
            except CONNECT_ERRORS as error:
                log.warning("sample_dropped", error=describe_error(error))
                await asyncio.sleep(_RETRY_SECONDS)

    async def _write(self, notice: RawNotice) -> None:
        connection = await connect(self._url, application="zeus-relay sampler")
        try:
            values = (
                notice.lane,
                notice.received_at,
                notice.source,
                notice.method,
                notice.target,
                notice.headers,
                notice.body,
            )
            await connection.execute(_KEEP, notice.id, *values)
            await connection.execute(_DELETE_OLDEST)
        finally:
            await connection.close(timeout=1)
        samples_kept.inc()
        log.warning("sample_kept", sample_id=str(notice.id))
