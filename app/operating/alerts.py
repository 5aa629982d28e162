"""Which messages the concerns of each moment add up to: one at the beginning, one at the end, and few in between."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.operating.concerns import Concern

SETTLED = timedelta(minutes=2)
"""How long a concern must be away before its end is told; one that comes back before has never ended."""
AGAIN = timedelta(minutes=10)
"""How much time lies between two messages about new things of the same concern."""


@dataclass(slots=True)
class _Open:
    text: str
    began: datetime
    seen: datetime
    said: datetime
    ids: set[str]


class Alerts:
    """Remembers what was told. It starts with nothing: what holds when a process takes over is told once more."""

    def __init__(self) -> None:
        self._open: dict[str, _Open] = {}

    def update(self, concerns: Sequence[Concern], moment: datetime) -> list[str]:
        """The messages to send now that these concerns hold, one line each."""
        said = [line for concern in concerns for line in self._holds(concern, moment)]
        return said + list(self._ended({concern.key for concern in concerns}, moment))

    def _holds(self, concern: Concern, moment: datetime) -> Iterator[str]:
        known = self._open.get(concern.key)
        if known is None:
            self._open[concern.key] = _Open(concern.text, moment, moment, moment, set(concern.ids))
            yield f"[began] {concern.text}{_listed(concern.ids)}"
            return
        known.seen = moment
        new = [one for one in concern.ids if one not in known.ids]
        if new and moment - known.said >= AGAIN:
            known.said = moment
            known.ids.update(new)
            yield f"[more] {concern.text}{_listed(new)}"

    def _ended(self, holding: set[str], moment: datetime) -> Iterator[str]:
        for key, known in list(self._open.items()):
            if key not in holding and moment - known.seen >= SETTLED:
                del self._open[key]
                yield f"[ended] {known.text} (since {known.began:%Y-%m-%d %H:%M} UTC)"


def _listed(ids: Iterable[str]) -> str:
    joined = ", ".join(ids)
    return f" Latest: {joined}" if joined else ""
