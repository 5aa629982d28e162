"""Pausing subscribers, which holds what they are owed, and resuming them."""

from app.db.engine import Sessions
from app.events.types import EventType
from app.forwarding.subscribers.backlog import BATCH, ready_backlog
from app.forwarding.subscribers.health import OPERATOR_REASON
from app.forwarding.subscribers.health_events import tell_paused, tell_recovered
from app.metrics import subscriber_signals
from app.operations.access.permissions import Action, Actor
from app.operations.subscribers.models import RESUMED, Subscriber, SubscriberState
from app.operations.subscribers.rows import subscriber_row, write_change


async def pause_subscriber(
    sessions: Sessions, name: str, reason: str | None, actor: Actor
) -> Subscriber:
    """Hold everything that is owed to a subscriber until it is resumed, and tell others that ask. Raises SubscriberNotFound, NotAllowed.

    `reason` is for operators to read; others are told only that it was an operator.
    """
    values = {"state": SubscriberState.PAUSED, "pause_reason": reason or OPERATOR_REASON}
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        news = row.state == SubscriberState.ACTIVE
        if news:
            await tell_paused(session, row.id)
        paused = await write_change(session, row, values, actor, Action.SUBSCRIBER_PAUSED)
    if news:
        subscriber_signals.labels(EventType.SUBSCRIBER_PAUSED).inc()
    return paused


async def resume_subscriber(sessions: Sessions, name: str, actor: Actor) -> Subscriber:
    """Send again, beginning with what was held, at a limited rate until that is gone. Raises SubscriberNotFound, NotAllowed.

    What was held is tried afresh, so that the events of an order arrive in sequence.
    """
    actor.demand(Action.SUBSCRIBER_RESUMED)
    # Before the resumption, and not together with it: whoever holds a subscriber's lock must not wait for its webhooks.
    while await _ready_some(sessions, name) == BATCH:
        pass
    async with sessions.begin() as session:
        row = await subscriber_row(session, name, lock=True)
        news = (
            row.feed and row.state == SubscriberState.PAUSED
        )  # others are told of by their first success
        if news:
            await tell_recovered(session, row.id)
        resumed = await write_change(session, row, RESUMED, actor, Action.SUBSCRIBER_RESUMED)
    if news:
        subscriber_signals.labels(EventType.SUBSCRIBER_RECOVERED).inc()
    return resumed


async def _ready_some(sessions: Sessions, name: str) -> int:
    async with sessions.begin() as session:
        return await ready_backlog(session, (await subscriber_row(session, name)).id)
