"""Review pages: the list and its filters, decisions that fail, and what a viewer sees."""

from uuid import uuid4

import pytest

from app.console.views.review_values import values_of_review
from app.operations.access.permissions import Role
from app.operations.pagination import Place
from app.operations.reviews.reviews import list_reviews
from app.order_life.reviews import Reason
from tests.console.console_setup import Console
from tests.operations.operations_setup import ORDER_NO

OTHER = "1234-56789-09999"


async def differing(console: Console) -> str:
    """Judge a payment whose calls disagree. Return the id of its review."""
    await console.setup.judged("01", "04")
    await console.setup.judged("05", money="4500", pay_cvs="D050")
    [review] = await console.setup.rows("SELECT id FROM reviews")
    return str(review.id)


async def test_the_list_is_filtered(console: Console) -> None:
    review_id = await differing(console)
    await console.setup.judged("99", order_no=OTHER)
    async with console.client(Role.VIEWER) as client:
        for query, shown in (
            ("", (True, True)),
            ("?reason=values_differ", (True, False)),
            ("?reason=quarantined", (False, True)),
            (f"?order_no={OTHER}&state=all", (False, True)),
            ("?state=settled", (False, False)),
        ):
            page = await client.get(f"/attention{query}")
            links = (
                f"/reviews/{review_id}" in page.text,
                OTHER in page.text.partition("</form>")[2],
            )
            assert (200, shown) == (page.status, links), query
        for query in ("?reason=other", "?state=other", "?cursor=x", f"?order_no={'1' * 256}"):
            page = await client.get(f"/attention{query}")
            assert (200, True) == (page.status, "These search values are invalid." in page.text)


async def test_a_viewer_sees_a_review_and_no_form(console: Console) -> None:
    review_id = await differing(console)
    async with console.client(Role.VIEWER) as client:
        page = await client.get(f"/reviews/{review_id}")
        assert (200, True) == (page.status, "¥5,400" in page.text)
        assert {"/language", "/sign-out"} == page.forms
        assert 403 == (await client.post(f"/reviews/{review_id}/settle", settlement="hold")).status
        assert 404 == (await client.get(f"/reviews/{uuid4()}")).status


async def test_a_decision_that_cannot_be_taken_says_why(console: Console) -> None:
    review_id = await differing(console)
    path = f"/reviews/{review_id}"
    async with console.client(Role.OPERATOR) as client:
        wrong: list[tuple[dict[str, str], str]] = [
            ({}, "Choose a decision."),
            ({"settlement": "maybe"}, "Choose a decision."),
            ({"settlement": "hold", "note": "x" * 501}, "Choose a decision."),
        ]
        for fields, words in wrong:
            answer = await client.post_form(f"{path}/settle", fields)
            assert (422, True) == (answer.status, words in answer.text)
        assert 422 == (await client.post(f"{path}/notes", text=" ")).status
        assert 303 == (await client.post(f"{path}/settle", settlement="hold")).status
        again = await client.post(f"{path}/settle", settlement="dismiss")
        assert (409, True) == (again.status, "The review is settled already." in again.text)
        assert "Goods may go" in again.text
        assert "Nothing to decide" not in again.text
        for form in ("settle", "notes"):
            fields = {"settlement": "hold", "text": "a"}
            assert 404 == (await client.post_form(f"/reviews/{uuid4()}/{form}", fields)).status


@pytest.mark.parametrize(("status", "offered"), [("99", False), ("04", True)])
async def test_a_release_is_offered_only_where_it_works(
    console: Console, status: str, offered: bool
) -> None:
    await console.setup.call(status, clientip="2012000009")
    await console.setup.judge("2012000001")
    [review] = await console.setup.rows("SELECT id, notice_id FROM reviews")
    async with console.client(Role.OPERATOR) as client:
        page = (await client.get(f"/reviews/{review.id}")).text
        assert offered == ('value="release"' in page)
        notice = (await client.get(f"/notices/{review.notice_id}")).text
        assert ("Correct and release" in notice) == (not offered)


async def test_unchanged_values_are_no_corrections(console: Console) -> None:
    [notice_id] = await console.setup.judged("4", money=" 5400 ", sendpoint="a\nb")
    fields = {"value-money": "5400", "value-sendpoint": "ab", "value-status": "04"}
    async with console.client(Role.OPERATOR) as client:
        assert 303 == (await client.post_form(f"/notices/{notice_id}/release", fields)).status
    [row] = await console.setup.rows("SELECT corrections FROM notices")
    assert {"status": "04"} == row.corrections


async def test_an_order_says_that_nobody_released_it(console: Console) -> None:
    review_id = await differing(console)
    async with console.client(Role.OPERATOR) as client:
        assert "The goods must not be sent yet." in (await client.get(f"/orders/{ORDER_NO}")).text
        await client.post(f"/reviews/{review_id}/settle", settlement="dismiss")
        page = (await client.get(f"/orders/{ORDER_NO}")).text
        assert "The goods must not be sent yet." not in page
        assert "Not released: confirmed" in page


async def test_values_are_shown_with_their_names(console: Console) -> None:
    await differing(console)
    [review] = (await list_reviews(console.setup.sessions, Place())).items
    assert [("money", "金額", 5400, 4500), ("pay_cvs", "利用コンビニ", "D001", "D050")] == [
        (it.name, it.japanese, it.before, it.now) for it in values_of_review(review)
    ]


@pytest.mark.parametrize(
    ("details", "shown"),
    [
        ("{}", "What it is about"),
        ('{"paid_at": "2026-11-01T00:00:00+00:00"}', "2026-11-01 09:00:00"),
        ('{"orders": 51}', "51 orders"),
        ('{"money": "1e3"}', "1e3"),
        ('{"other_order_no": "o2", "other_money": 500}', "¥500"),
        ('{"status": "06", "known_status": "05"}', "05 売上確定"),
        ('{"reasons": ["unknown_status"]}', "Unknown status"),
    ],
)
async def test_every_reason_has_a_page(console: Console, details: str, shown: str) -> None:
    await console.setup.judged("01")
    for reason in Reason:
        await console.setup.run(
            "INSERT INTO reviews (id, reason, order_no, details) "
            "VALUES (gen_random_uuid(), :reason, :order_no, CAST(:details AS json))",
            reason=reason.value,
            order_no=ORDER_NO,
            details=details,
        )
    async with console.client(Role.OPERATOR) as client:
        assert 200 == (await client.get("/attention")).status
        assert 200 == (await client.get(f"/orders/{ORDER_NO}")).status
        for review in (await list_reviews(console.setup.sessions, Place())).items:
            page = await client.get(f"/reviews/{review.id}")
            assert (200, True) == (page.status, shown in page.text), review.reason
