"""Calls that the database refuses: they resolve no application, and others still do."""

from sqlalchemy import text

from app.db.engine import Sessions
from tests.judging.applied_setup import application, judge_all, store
from tests.judging.judging_setup import append, fetch, numbers_in_lane
from tests.judging.test_refused import POISON, TRIGGER


async def test_a_refused_call_resolves_nothing(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text(POISON))
        await session.execute(text(TRIGGER))
    applied, other = application(), application()
    for one in (applied, other):
        await store(sessions, one)
    poison, good, plain, alone = numbers_in_lane(3, 4)
    call = {"status": "01", "money": "5400", "clientip": "2012000001"}
    mine = {**call, "sendpoint": applied.sendpoint}
    await append(
        sessions,
        {**mine, "order_no": poison, "sendid": "poison"},
        {**mine, "order_no": good, "sendid": ""},
        {**call, "order_no": plain, "sendid": ""},
        {**call, "order_no": alone, "sendid": "poison", "sendpoint": other.sendpoint},
    )
    await judge_all(sessions)
    assert ["quarantined", "accepted", "accepted", "quarantined"] == await fetch(
        sessions, "SELECT verdict FROM notices ORDER BY id"
    )
    assert [("accepted", good), ("unknown", None)] == await fetch(
        sessions, "SELECT state, order_no FROM applications ORDER BY id"
    )
    assert [(applied.id, good)] == await fetch(
        sessions, "SELECT application_id, order_no FROM orders WHERE application_id IS NOT NULL"
    )
