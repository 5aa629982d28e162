"""An order's history as a story: call by call, with the events that each made and the webhooks that each event became."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import groupby
from uuid import UUID

from app.operations.deliveries.webhooks import OutboundWebhookInFull
from app.operations.notices.notices import Notice
from app.operations.orders.events import Event
from app.operations.orders.history import OrderHistory

_SHOWN = 3
"""Repetitions in a row that are shown one by one; more of them would hide everything else."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """One event and the webhooks that carry it."""

    event: Event
    webhooks: Sequence[OutboundWebhookInFull]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """One call and what followed from it. `notice` is None for events that follow from no call that is still shown.

    `more` are further calls right behind it that say the same and changed as little.
    """

    notice: Notice | None
    scenes: Sequence[TimelineItem]
    more: Sequence[Notice] = ()

    @property
    def webhooks(self) -> list[OutboundWebhookInFull]:
        """The webhooks of all its events."""
        return [webhook for scene in self.scenes for webhook in scene.webhooks]


def chapters_of(history: OrderHistory) -> list[TimelineEntry]:
    """The story of an order in order of time; events without a call come last."""
    webhooks: dict[UUID, list[OutboundWebhookInFull]] = defaultdict(list)
    for webhook in history.outbound_webhooks:
        webhooks[webhook.event_id].append(webhook)
    scenes: dict[UUID | None, list[TimelineItem]] = defaultdict(list)
    for event in history.events:
        scenes[event.notice_id].append(TimelineItem(event, webhooks[event.id]))
    chapters = [TimelineEntry(notice, scenes.pop(notice.id, [])) for notice in history.notices]
    return _folded(chapters) + [TimelineEntry(None, rest) for rest in scenes.values()]


def _folded(chapters: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    folded: list[TimelineEntry] = []
    for repeated, group in groupby(chapters, key=_repetition):
        alike = list(group)
        if repeated is None or len(alike) <= _SHOWN:
            folded += alike
        else:
            folded.append(
                TimelineEntry(
                    alike[0].notice, (), [chapter.notice for chapter in alike[1:] if chapter.notice]
                )
            )
    return folded


def _repetition(chapter: TimelineEntry) -> tuple[object, ...] | None:
    """What makes repetitions look alike; None for whatever is to be seen by itself."""
    notice = chapter.notice
    if notice is None or notice.verdict != "duplicate" or chapter.scenes:
        return None
    return notice.status, tuple(notice.reasons), tuple(notice.flags)
