"""Erasure of what operators write: notes, reasons of settlements, and corrected values."""

from datetime import timedelta
from uuid import UUID

from app.operations.access.permissions import SERVICE
from app.operations.attention.settlement import settle_review
from app.operations.maintenance.erasure import erase_old, erase_order
from app.operations.notices.release import NoticeRelease, release_notice
from app.operations.reviews.models import NewReviewNote, ReviewSettlement
from app.operations.reviews.reviews import add_note
from app.operations.reviews.settlement import DecisionRules
from app.order_life.reviews import Settlement
from tests.operations.operations_setup import NAME, OPERATOR, ORDER_NO, TELNO, OperationsSetup

RULES = DecisionRules()
NOTE = NewReviewNote(text=f"called {NAME}")
DECISION = ReviewSettlement(settlement=Settlement.HOLD, note=f"{NAME} is away")


async def review_of_differing(setup: OperationsSetup) -> UUID:
    await setup.judged("01", "04")
    await setup.judged("05", money="4500")
    [review] = await setup.rows("SELECT id FROM reviews")
    await add_note(setup.sessions, review.id, NOTE, OPERATOR)
    return UUID(str(review.id))


async def written(setup: OperationsSetup) -> list[object]:
    rows = await setup.rows(
        "SELECT text FROM review_notes UNION ALL SELECT note FROM reviews WHERE note IS NOT NULL"
    )
    return [row.text for row in rows]


async def age(setup: OperationsSetup) -> None:
    """Erase what is older than no time at all, as if ninety days had passed."""
    await setup.run("UPDATE notices SET judged_at = now() - interval '1 day'")
    while await erase_old(setup.sessions, timedelta(0)):
        pass


async def test_notes_of_an_order_are_erased_with_it(setup: OperationsSetup) -> None:
    review_id = await review_of_differing(setup)
    await setup.run("UPDATE reviews SET notice_id = NULL")
    await settle_review(setup.sessions, review_id, DECISION, OPERATOR, RULES)
    await erase_order(setup.sessions, SERVICE, ORDER_NO)
    assert ["", ""] == await written(setup)


async def test_notes_stay_until_somebody_has_decided(setup: OperationsSetup) -> None:
    review_id = await review_of_differing(setup)
    await age(setup)
    assert [NOTE.text] == await written(setup)
    await settle_review(setup.sessions, review_id, DECISION, OPERATOR, RULES)
    await age(setup)
    assert ["", ""] == await written(setup)
    await add_note(setup.sessions, review_id, NOTE, OPERATOR)
    await age(setup)
    assert ["", "", ""] == await written(setup)


async def test_a_review_without_a_call_loses_its_notes_with_the_last_call(
    setup: OperationsSetup,
) -> None:
    review_id = await review_of_differing(setup)
    await setup.run("UPDATE reviews SET notice_id = NULL")
    await settle_review(setup.sessions, review_id, DECISION, OPERATOR, RULES)
    await age(setup)
    assert ["", ""] == await written(setup)


async def test_corrected_personal_values_are_erased(setup: OperationsSetup) -> None:
    [notice_id] = await setup.judged("4", telno="")
    release = NoticeRelease(parameters={"status": "04", "telno": TELNO})
    await release_notice(setup.sessions, notice_id, OPERATOR, release)
    await setup.judge()
    await erase_order(setup.sessions, SERVICE, ORDER_NO)
    [row] = await setup.rows("SELECT corrections, parameters FROM notices")
    assert ({"status": "04"}, "04", None) == (
        row.corrections,
        row.parameters["status"],
        row.parameters.get("telno"),
    )
