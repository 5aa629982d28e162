"""Pause and resume of subscribers. A pause holds pending webhooks."""

from app.db.engine import Sessions
from app.events.types import EventType
from app.forwarding.subscribers.backlog import BATCH, ready_backlog
from app.forwarding.subscribers.health import OPERATOR_REASON
from app.forwarding.subscribers.health_events import report_paused, report_recovered
from app.metrics import subscriber_signals
from app.operations.access.permissions import Action, Actor
from app.operations.subscribers.models import RESUMED, Subscriber, SubscriberState
from app.operations.subscribers.rows import subscriber_row, write_change


async def pause_subscriber(
    sessions: Sessions, name: str, reason: str | None, actor: Actor
) -> Subscriber:
    """Hold a subscriber's webhooks until it is resumed. Send `subscriber.paused` to the others.

    `reason` is for operators; the event names only an operator as the cause. Raise
    SubscriberNotFound or NotAllowed.
    """
    values = {"state": SubscriberState.PAUSED, "pause_reason": reason or OPERATOR_REASON}
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        changed = row.state == SubscriberState.ACTIVE
        if changed:
            await report_paused(session, row.id)
        paused = await write_change(session, row, values, actor, Action.SUBSCRIBER_PAUSED)
    if changed:
        subscriber_signals.labels(EventType.SUBSCRIBER_PAUSED).inc()
    return paused


async def resume_subscriber(sessions: Sessions, name: str, actor: Actor) -> Subscriber:
    """Send webhooks to a subscriber again, the held ones first and at a limited rate.

    The attempts of held webhooks count from zero, so that the events of an order arrive in
    sequence. Raise SubscriberNotFound or NotAllowed.
    """
    actor.demand(Action.SUBSCRIBER_RESUMED)
    # In transactions before the resume: a transaction with a subscriber's lock must not wait for
    # locks of its webhooks.
    while await _ready_some(sessions, name) == BATCH:
        pass
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        # For a subscriber without a feed, the first success sends the event.
        changed = row.feed and row.state == SubscriberState.PAUSED
        if changed:
            await report_recovered(session, row.id)
        resumed = await write_change(session, row, RESUMED, actor, Action.SUBSCRIBER_RESUMED)
    if changed:
        subscriber_signals.labels(EventType.SUBSCRIBER_RECOVERED).inc()
    return resumed


async def _ready_some(sessions: Sessions, name: str) -> int:
    async with sessions.begin() as session:
        return await ready_backlog(session, (await subscriber_row(session, name)).id)
