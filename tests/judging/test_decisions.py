"""Decisions: settled reviews and unwanted purchases, alone and beside judging."""

import asyncio
from typing import Any
from uuid import UUID

import pytest
from sqlalchemy import text

from app.clock import uuid7
from app.db.engine import Sessions
from app.judging.decisions import AlreadySettled, ReviewUnknown, reject_orders, settle
from app.judging.judge import Judge
from app.judging.policy import Policy
from app.order_life.release import ReleaseOn
from app.order_life.reviews import Settlement
from tests.judging.judging_setup import append, fetch, judge_all

USUAL = Policy()


def call(status: str, order_no: str = "A", **values: str) -> dict[str, str]:
    return {"order_no": order_no, "status": status, "money": "5400", **values}


async def types(sessions: Sessions, order_no: str = "A") -> list[str]:
    query = f"SELECT type FROM events WHERE order_no = '{order_no}' ORDER BY sequence"
    return await fetch(sessions, query)


async def open_review(sessions: Sessions) -> UUID:
    """Return the review of a confirmed payment whose amount differs from its 04."""
    await append(sessions, call("04"), call("05", money="4500"))
    await judge_all(sessions)
    [review_id] = await fetch(sessions, "SELECT id FROM reviews WHERE settled_at IS NULL")
    return UUID(str(review_id))


async def end(sessions: Sessions, review_id: UUID, settlement: Settlement) -> Any:
    async with sessions.begin() as session:
        await settle(session, review_id, settlement, "checked", "hanako", policy=USUAL)


async def test_a_release_lets_the_goods_go_once(sessions: Sessions) -> None:
    review_id = await open_review(sessions)
    assert "order.released" not in await types(sessions)
    await end(sessions, review_id, Settlement.RELEASE)
    assert ["review.settled", "order.released"] == (await types(sessions))[-2:]
    assert [("release", "hanako", "checked", True)] == await fetch(
        sessions, "SELECT settlement, settled_by, note, settled_at IS NOT NULL FROM reviews"
    )
    [data] = await fetch(sessions, "SELECT data FROM events WHERE type = 'review.settled'")
    assert ("operator", None) == (data["source"], data["notice_id"])
    assert ("release", "hanako") == (data["review"]["settlement"], data["review"]["settled_by"])
    with pytest.raises(AlreadySettled, match="release"):
        await end(sessions, review_id, Settlement.RELEASE)
    await append(sessions, call("05", money="4500"))
    await judge_all(sessions)
    assert 1 == (await types(sessions)).count("order.released")


async def test_a_settled_difference_is_not_asked_about_again(sessions: Sessions) -> None:
    await append(sessions, call("01"), call("04", money="4500"))
    await judge_all(sessions)
    [review_id] = await fetch(sessions, "SELECT id FROM reviews")
    await end(sessions, UUID(str(review_id)), Settlement.RELEASE)
    await append(sessions, call("05", money="4500"))
    await judge_all(sessions)
    assert 1 == len(await fetch(sessions, "SELECT id FROM reviews"))
    assert "order.released" == (await types(sessions))[-1]


@pytest.mark.parametrize("first", [Settlement.HOLD, Settlement.DISMISS])
async def test_only_a_release_may_follow_another_settlement(
    sessions: Sessions, first: Settlement
) -> None:
    review_id = await open_review(sessions)
    await end(sessions, review_id, first)
    assert "order.released" not in await types(sessions)
    with pytest.raises(AlreadySettled, match=first):
        await end(sessions, review_id, first)
    await end(sessions, review_id, Settlement.RELEASE)
    assert "order.released" == (await types(sessions))[-1]


async def test_a_hold_lasts_until_somebody_releases(sessions: Sessions) -> None:
    await append(sessions, call("04", money="-5400"))
    await judge_all(sessions)
    [review_id] = await fetch(sessions, "SELECT id FROM reviews")
    await end(sessions, review_id, Settlement.HOLD)
    await append(sessions, call("05"))
    await judge_all(sessions)
    assert "order.released" not in await types(sessions)
    await end(sessions, review_id, Settlement.RELEASE)
    assert "order.released" == (await types(sessions))[-1]


async def test_settling_twice_at_once_settles_once(sessions: Sessions) -> None:
    review_id = await open_review(sessions)
    both = (end(sessions, review_id, Settlement.RELEASE) for _ in range(2))
    outcomes = await asyncio.gather(*both, return_exceptions=True)
    assert 1 == sum(isinstance(outcome, AlreadySettled) for outcome in outcomes)
    assert 1 == (await types(sessions)).count("order.released")
    assert 1 == (await types(sessions)).count("review.settled")


async def test_a_review_that_nobody_knows(sessions: Sessions) -> None:
    with pytest.raises(ReviewUnknown):
        await end(sessions, uuid7(), Settlement.HOLD)


async def test_a_quarantined_notice_has_a_review_without_events(sessions: Sessions) -> None:
    await append(sessions, call("99"))
    await judge_all(sessions)
    assert [("quarantined", "A", {"reasons": ["unknown_status"]})] == await fetch(
        sessions, "SELECT reason, order_no, details FROM reviews"
    )
    [review_id] = await fetch(sessions, "SELECT id FROM reviews")
    await end(sessions, review_id, Settlement.DISMISS)
    assert [] == await fetch(sessions, "SELECT id FROM events")


async def test_settling_waits_for_judging_and_judging_passes_over(sessions: Sessions) -> None:
    review_id = await open_review(sessions)
    async with sessions.begin() as judging:
        await judging.execute(
            text("SELECT pg_advisory_xact_lock(7236, l) FROM generate_series(0, 15) l")
        )
        settling = asyncio.create_task(end(sessions, review_id, Settlement.RELEASE))
        await asyncio.sleep(0.2)
        assert not settling.done()
    await settling
    assert "order.released" in await types(sessions)


async def test_an_unwanted_purchase_that_is_paid_all_the_same(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(text("INSERT INTO unwanted VALUES ('sendid', 'S', now(), 'hanako')"))
    await append(sessions, call("01", sendid="S"), call("04", sendid="S"), call("05", sendid="S"))
    await judge_all(sessions)
    assert ["unwanted_payment"] == await fetch(sessions, "SELECT reason FROM reviews")
    assert "order.released" not in await types(sessions)


async def test_a_paid_order_that_becomes_unwanted(sessions: Sessions) -> None:
    await append(sessions, call("04"), call("01", "B"))
    await judge_all(sessions)
    for _ in range(2):
        async with sessions.begin() as session:
            await reject_orders(session, ["A", "B"], policy=USUAL)
    assert [("unwanted_payment", "A")] == await fetch(
        sessions, "SELECT reason, order_no FROM reviews"
    )


async def test_received_releases_at_once_and_a_reversal_revokes(sessions: Sessions) -> None:
    judge = Judge(sessions, Policy(release_on=ReleaseOn.RECEIVED), lambda: None)
    await append(sessions, call("01"), call("04"), call("06"), call("04"))
    while await judge.judge_batch():
        pass
    assert [
        "order.accepted",
        "payment.received",
        "order.released",
        "payment.reversed",
        "order.release_revoked",
        "review.required",
        "payment.received",
        "order.released",
    ] == await types(sessions)
    assert ["reversed_after_release"] == await fetch(sessions, "SELECT reason FROM reviews")


async def test_a_late_call_releases_nothing_that_was_confirmed_before_the_upgrade(
    sessions: Sessions,
) -> None:
    await append(sessions, call("05"))
    await judge_all(sessions)
    async with sessions.begin() as session:  # as 0.2 left it
        await session.execute(text("UPDATE orders SET released_cycle = NULL"))
        await session.execute(text("DELETE FROM events WHERE type = 'order.released'"))
    await append(sessions, call("04"))
    await judge_all(sessions)
    assert ["payment.confirmed", "payment.received"] == await types(sessions)
