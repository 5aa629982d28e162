"""Timeline of an order: calls with their mails and events, and events with their webhooks."""

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby
from uuid import UUID

from app.operations.deliveries.models import OutboundWebhookInFull
from app.operations.mails.models import Mail
from app.operations.notices.notices import Notice
from app.operations.orders.events import Event
from app.operations.orders.history import OrderHistory

_UNFOLDED = 3
"""Duplicates in a row that are shown one by one; longer runs are folded."""


@dataclass(frozen=True, slots=True)
class TimelineItem:
    """An event and its webhooks."""

    event: Event
    webhooks: Sequence[OutboundWebhookInFull]


@dataclass(frozen=True, slots=True)
class TimelineEntry:
    """A call with its mails and its events.

    `notice` is None for mails and for events without a call in this history. `more` are the
    duplicates that directly follow this duplicate.
    """

    notice: Notice | None
    items: Sequence[TimelineItem]
    more: Sequence[Notice] = ()
    mails: Sequence[Mail] = ()

    @property
    def webhooks(self) -> list[OutboundWebhookInFull]:
        """Return the webhooks of all its events."""
        return [webhook for item in self.items for webhook in item.webhooks]


def timeline_of(history: OrderHistory, mails: Sequence[Mail] = ()) -> list[TimelineEntry]:
    """Return the entries of an order, oldest first; events without a call come last.

    A mail stands with its call, or with the notice that was made of it; another one apart.
    """
    webhooks: dict[UUID, list[OutboundWebhookInFull]] = defaultdict(list)
    for webhook in history.outbound_webhooks:
        webhooks[webhook.event_id].append(webhook)
    items: dict[UUID | None, list[TimelineItem]] = defaultdict(list)
    for event in history.events:
        items[event.notice_id].append(TimelineItem(event, webhooks[event.id]))
    told = _mails_of_notices(history.notices, mails)
    entries = [
        TimelineEntry(notice, items.pop(notice.id, []), mails=told.get(notice.id, ()))
        for notice in history.notices
    ]
    entries += [TimelineEntry(None, (), mails=[mail]) for mail in told.get(None, ())]
    entries.sort(key=_moment)
    return _folded(entries) + [TimelineEntry(None, rest) for rest in items.values()]


def _mails_of_notices(
    notices: Iterable[Notice], mails: Iterable[Mail]
) -> dict[UUID | None, list[Mail]]:
    """Return the mails by the notice that they stand with; None for those without one."""
    shown = {notice.id for notice in notices}
    told: dict[UUID | None, list[Mail]] = defaultdict(list)
    for mail in mails:
        named = mail.notice_id or mail.healing_notice_id
        told[named if named in shown else None].append(mail)
    return told


def _moment(entry: TimelineEntry) -> datetime:
    return entry.notice.received_at if entry.notice else entry.mails[0].received_at


def _folded(entries: Iterable[TimelineEntry]) -> list[TimelineEntry]:
    folded: list[TimelineEntry] = []
    for repeated, group in groupby(entries, key=_repetition):
        alike = list(group)
        if repeated is None or len(alike) <= _UNFOLDED:
            folded += alike
        else:
            folded.append(
                TimelineEntry(
                    alike[0].notice, (), [entry.notice for entry in alike[1:] if entry.notice]
                )
            )
    return folded


def _repetition(entry: TimelineEntry) -> tuple[object, ...] | None:
    """Return the key by which duplicates are folded; None for an entry that stays separate."""
    notice = entry.notice
    if notice is None or notice.verdict != "duplicate" or entry.items or entry.mails:
        return None
    return notice.status, tuple(notice.reasons), tuple(notice.flags)
