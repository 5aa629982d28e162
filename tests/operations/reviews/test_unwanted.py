"""Unwanted purchases beside judging: a payment in the same moment is not overlooked."""

import asyncio

import pytest

from app.operations.errors import NotAcceptable, NotAllowed, UnwantedNotFound
from app.operations.reviews.settlement import DecisionRules
from app.operations.reviews.unwanted import (
    Unwanted,
    reject_order,
    reject_sendid,
    want_purchase,
)
from tests.operations.operations_setup import OPERATOR, ORDER_NO, VIEWER, OperationsSetup

RULES = DecisionRules()


@pytest.mark.parametrize("by_sendid", [True, False])
async def test_a_payment_in_the_same_moment_gets_one_review(
    setup: OperationsSetup, by_sendid: bool
) -> None:
    async def mark(number: int) -> Unwanted:
        if by_sendid:
            return await reject_sendid(setup.sessions, f"A-{number}", OPERATOR, RULES)
        return await reject_order(setup.sessions, f"o{number}", OPERATOR, RULES)

    for number in range(12):
        await setup.call("01", "04", order_no=f"o{number}", sendid=f"A-{number}")
    await asyncio.gather(setup.judge(), setup.judge(), *map(mark, range(12)))
    await setup.judge()
    reviews = await setup.rows("SELECT order_no, reason FROM reviews ORDER BY order_no")
    expected = sorted((f"o{number}", "unwanted_payment") for number in range(12))
    assert expected == [tuple(review) for review in reviews]
    events = await setup.rows("SELECT 1 FROM events WHERE type = 'review.required'")
    assert 12 == len(events)


async def test_an_undo_removes_both_marks(setup: OperationsSetup) -> None:
    await setup.judged("01")
    await reject_order(setup.sessions, ORDER_NO, OPERATOR, RULES)
    await reject_sendid(setup.sessions, "A-1001", OPERATOR, RULES)
    await want_purchase(setup.sessions, ORDER_NO, OPERATOR)
    assert [] == await setup.rows("SELECT 1 FROM unwanted")
    with pytest.raises(UnwantedNotFound):
        await want_purchase(setup.sessions, ORDER_NO, OPERATOR)


async def test_what_cannot_be_marked(setup: OperationsSetup) -> None:
    for number in ("", "1" * 256):
        with pytest.raises(NotAcceptable):
            await reject_order(setup.sessions, number, OPERATOR, RULES)
    with pytest.raises(NotAllowed):
        await reject_sendid(setup.sessions, "A-1001", VIEWER, RULES)
    assert [] == await setup.rows("SELECT 1 FROM unwanted")
