"""Pausing subscribers, which holds what they are owed, and resuming them."""

from typing import Any

from app.db.engine import Sessions
from app.forwarding.backlog import BATCH, ready_backlog
from app.operating.access import Action, Actor
from app.operating.subscriber_fields import RESUMED
from app.operating.subscriber_rows import subscriber_row, write_change
from app.operating.subscriber_values import Subscriber, SubscriberState


async def pause_subscriber(sessions: Sessions, name: str, reason: str | None, actor: Actor) -> Subscriber:
    """Hold everything that is owed to a subscriber until it is resumed. Raises SubscriberNotFound, NotAllowed."""
    values = {"state": SubscriberState.PAUSED, "pause_reason": reason or "operator"}
    return await _change(sessions, name, values, actor, Action.SUBSCRIBER_PAUSED)


async def resume_subscriber(sessions: Sessions, name: str, actor: Actor) -> Subscriber:
    """Send again, beginning with what was held, at a limited rate until that is gone. Raises SubscriberNotFound, NotAllowed.

    What was held is tried afresh, so that the events of an order arrive in sequence.
    """
    actor.demand(Action.SUBSCRIBER_RESUMED)
    # Before the resumption, and not together with it: whoever holds a subscriber's lock must not wait for its webhooks.
    while await _ready_some(sessions, name) == BATCH:
        pass
    return await _change(sessions, name, RESUMED, actor, Action.SUBSCRIBER_RESUMED)


async def _ready_some(sessions: Sessions, name: str) -> int:
    async with sessions.begin() as session:
        return await ready_backlog(session, (await subscriber_row(session, name)).id)


async def _change(sessions: Sessions, name: str, values: dict[str, Any], actor: Actor, action: Action) -> Subscriber:
    async with sessions.begin() as session:
        return await write_change(session, await subscriber_row(session, name, lock=True), values, actor, action)
