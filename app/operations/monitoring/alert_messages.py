"""Alert messages: one when a condition begins, one when it ends, and few in between."""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from app.operations.monitoring.alert_conditions import AlertCondition

SETTLED = timedelta(minutes=2)
"""Time for which a condition must be absent before it counts as ended."""
AGAIN = timedelta(minutes=10)
"""Shortest time between two messages about new items of the same condition."""
_IDS = 200


@dataclass(frozen=True, slots=True)
class SentAlert:
    """Condition that was reported and has not ended.

    `began`: its start. `last_sent`: time of its last message. `ids`: items named in messages.
    """

    text: str
    began: datetime
    last_sent: datetime
    ids: tuple[str, ...]


class Alerts:
    """Decide on messages from the current conditions and the alerts sent before."""

    def __init__(self, sent: Mapping[str, SentAlert] | None = None) -> None:
        """`sent` has the alerts sent before, by this or another process, by condition key."""
        self._sent = dict(sent or {})
        self._seen: dict[str, datetime] = {}

    @property
    def sent(self) -> dict[str, SentAlert]:
        """Alerts that were sent and whose conditions have not ended, by condition key."""
        return dict(self._sent)

    def update(
        self, conditions: Sequence[AlertCondition], moment: datetime, unseen: Collection[str] = ()
    ) -> list[str]:
        """Return the messages to send now that these conditions hold, one line each.

        `unseen` has the keys of conditions that this process cannot see: they never end here.
        """
        lines = [line for condition in conditions for line in self._holds(condition, moment)]
        holding = {*unseen, *(condition.key for condition in conditions)}
        return lines + list(self._ended(holding, moment))

    def _holds(self, condition: AlertCondition, moment: datetime) -> Iterator[str]:
        self._seen[condition.key] = moment
        known = self._sent.get(condition.key)
        if known is None:
            self._sent[condition.key] = SentAlert(condition.text, moment, moment, condition.ids)
            yield f"[began] {condition.text}{_listed(condition.ids)}"
            return
        new = tuple(id_ for id_ in condition.ids if id_ not in known.ids)
        if new and moment - known.last_sent >= AGAIN:
            ids = (known.ids + new)[-_IDS:]
            self._sent[condition.key] = replace(known, last_sent=moment, ids=ids)
            yield f"[more] {condition.text}{_listed(new)}"

    def _ended(self, holding: set[str], moment: datetime) -> Iterator[str]:
        for key, known in list(self._sent.items()):
            # An alert of another process counts as seen when this process first looks for it.
            if key not in holding and moment - self._seen.setdefault(key, moment) >= SETTLED:
                del self._sent[key], self._seen[key]
                yield f"[ended] {known.text} (since {known.began:%Y-%m-%d %H:%M} UTC)"


def _listed(ids: Iterable[str]) -> str:
    joined = ", ".join(ids)
    return f" Latest: {joined}" if joined else ""
