"""Which messages the concerns of each moment add up to: one at the beginning, one at the end, and few in between."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.operations.monitoring.alert_conditions import AlertCondition

SETTLED = timedelta(minutes=2)
"""How long a concern must be away before its end is told; one that comes back before has never ended."""
AGAIN = timedelta(minutes=10)
"""How much time lies between two messages about new things of the same concern."""
_IDS = 200


@dataclass(frozen=True, slots=True)
class Told:
    """A concern that was told and has not ended: since when it holds, when something was said of it last, and which things were named."""

    text: str
    began: datetime
    said: datetime
    ids: tuple[str, ...]


class Alerts:
    """Knows what was told, and says what is to be told now."""

    def __init__(self, told: Mapping[str, Told] | None = None) -> None:
        """`told` is what was told before, by the key of the concern: by this process or another."""
        self._told = dict(told or {})
        self._seen: dict[str, datetime] = {}

    @property
    def told(self) -> dict[str, Told]:
        """What was told and has not ended."""
        return dict(self._told)

    def update(
        self, concerns: Sequence[AlertCondition], moment: datetime, unseen: Collection[str] = ()
    ) -> list[str]:
        """The messages to send now that these concerns hold, one line each.

        Of concerns whose key is in `unseen` nobody here can say whether they hold: their end is not told.
        """
        said = [line for concern in concerns for line in self._holds(concern, moment)]
        return said + list(self._ended({*unseen, *(concern.key for concern in concerns)}, moment))

    def _holds(self, concern: AlertCondition, moment: datetime) -> Iterator[str]:
        self._seen[concern.key] = moment
        known = self._told.get(concern.key)
        if known is None:
            self._told[concern.key] = Told(concern.text, moment, moment, concern.ids)
            yield f"[began] {concern.text}{_listed(concern.ids)}"
            return
        new = tuple(one for one in concern.ids if one not in known.ids)
        if new and moment - known.said >= AGAIN:
            self._told[concern.key] = replace(known, said=moment, ids=(known.ids + new)[-_IDS:])
            yield f"[more] {concern.text}{_listed(new)}"

    def _ended(self, holding: set[str], moment: datetime) -> Iterator[str]:
        for key, known in list(self._told.items()):
            # One that was told by another process counts as seen when this one first looked for it.
            if key not in holding and moment - self._seen.setdefault(key, moment) >= SETTLED:
                del self._told[key], self._seen[key]
                yield f"[ended] {known.text} (since {known.began:%Y-%m-%d %H:%M} UTC)"


def _listed(ids: Iterable[str]) -> str:
    joined = ", ".join(ids)
    return f" Latest: {joined}" if joined else ""
