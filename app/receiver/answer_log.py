"""Answer log: record of the answers that reached the network. Each is checked a moment after it was
written, since a connection may break meanwhile.
"""

import asyncio
from collections.abc import Callable
from datetime import datetime
from uuid import UUID

from app.clock import now
from app.receiver.http.request_cycle import Wire

_LOOK_SECONDS = 0.05


class AnswerLog:
    """Collects answers and passes those that were delivered to `note`.

    Checks many together, off the path of the answers themselves.
    """

    def __init__(self, note: Callable[[UUID, datetime], None]) -> None:
        self._note = note
        self._written: list[tuple[UUID, datetime, Wire]] = []

    def add(self, notice_id: UUID, wire: Wire) -> None:
        """Record that an answer to this notice was just written."""
        if not self._written:
            asyncio.get_running_loop().call_later(_LOOK_SECONDS, self._look)
        self._written.append((notice_id, now(), wire))

    def _look(self) -> None:
        written, self._written = self._written, []
        for notice_id, moment, wire in written:
            if wire.delivered:
                self._note(notice_id, moment)
