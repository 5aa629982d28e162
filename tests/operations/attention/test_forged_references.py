"""Reviews of forged references: released, corrected, held or dismissed, with their orders."""

from uuid import UUID

import pytest

from app.operations.attention.dismissal import Dismissal, dismiss_notice
from app.operations.attention.settlement import settle_review
from app.operations.notices.notices import Notice, show_notice
from app.operations.notices.release import NoticeRelease, release_notice
from app.operations.reviews.models import ReviewSettlement
from app.operations.reviews.settlement import DecisionRules
from app.order_life.applied import AppliedFor
from app.order_life.reviews import Settlement
from tests.judging import applied_setup
from tests.judging.applied_setup import application
from tests.operations.operations_setup import ADMIN, OperationsSetup

RULES = DecisionRules()
FORGED = "z1" + 44 * "A"


@pytest.fixture
async def applied(setup: OperationsSetup) -> AppliedFor:
    """Store an application, judge its first call, and then a forged one."""
    made = application()
    await applied_setup.store(setup.sessions, made)
    await setup.call("01", sendpoint=made.sendpoint)
    await setup.call("04", sendpoint=FORGED)
    await applied_setup.judge_all(setup.sessions)
    return made


async def review_of(setup: OperationsSetup) -> tuple[UUID, UUID]:
    [row] = await setup.rows("SELECT id, notice_id FROM reviews WHERE reason = 'reference_forged'")
    return row.id, row.notice_id


async def settle(setup: OperationsSetup, settlement: Settlement) -> UUID:
    review_id, notice_id = await review_of(setup)
    decision = ReviewSettlement(settlement=settlement)
    await settle_review(setup.sessions, review_id, decision, ADMIN, RULES)
    await applied_setup.judge_all(setup.sessions)
    return notice_id


async def types(setup: OperationsSetup) -> list[str]:
    return [row.type for row in await setup.rows("SELECT type FROM events ORDER BY sequence")]


async def notice(setup: OperationsSetup, notice_id: UUID) -> Notice:
    return await show_notice(setup.sessions, notice_id)


async def test_release_lets_the_call_be_judged(setup: OperationsSetup, applied: AppliedFor) -> None:
    notice_id = await settle(setup, Settlement.RELEASE)
    assert "accepted" == (await notice(setup, notice_id)).verdict
    assert ["order.accepted", "review.required", "review.settled", "payment.received"] == (
        await types(setup)
    )[:4]
    [row] = await setup.rows("SELECT application_id FROM orders")
    assert applied.id == row.application_id


async def test_a_corrected_reference_agrees(setup: OperationsSetup, applied: AppliedFor) -> None:
    _, notice_id = await review_of(setup)
    corrected = NoticeRelease(parameters={"sendpoint": applied.sendpoint})
    await release_notice(setup.sessions, notice_id, ADMIN, corrected, RULES)
    await applied_setup.judge_all(setup.sessions)
    assert ["review.settled", "payment.received"] == (await types(setup))[-2:]
    assert [] == await setup.rows("SELECT 1 FROM reviews WHERE settled_at IS NULL")


async def test_dismissal_frees_the_goods(setup: OperationsSetup, applied: AppliedFor) -> None:
    _, notice_id = await review_of(setup)
    await dismiss_notice(setup.sessions, notice_id, Dismissal(reason="a probe"), ADMIN, RULES)
    assert (await notice(setup, notice_id)).dismissed_at is not None
    await setup.call("05", sendpoint=applied.sendpoint)
    await applied_setup.judge_all(setup.sessions)
    assert "order.released" in await types(setup)


async def test_hold_keeps_them(setup: OperationsSetup, applied: AppliedFor) -> None:
    notice_id = await settle(setup, Settlement.HOLD)
    assert (await notice(setup, notice_id)).dismissed_at is not None
    await setup.call("05", sendpoint=applied.sendpoint)
    await applied_setup.judge_all(setup.sessions)
    assert "order.released" not in await types(setup)


async def test_without_an_order_nothing_is_told(setup: OperationsSetup) -> None:
    await setup.call("05", sendpoint=FORGED)
    await applied_setup.judge_all(setup.sessions)
    assert [] == await types(setup)
    await settle(setup, Settlement.RELEASE)
    assert "payment.confirmed" in await types(setup)
