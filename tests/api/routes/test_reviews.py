"""Reviews and unwanted purchases over HTTP."""

import asyncio
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import pytest

from tests.api.api_client import Answer, Api
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup

KEY = {"idempotency-key": "once"}


async def differing(setup: OperationsSetup, order_no: str = ORDER_NO) -> None:
    """Judge a confirmed payment whose amount differs from that of its 04."""
    await setup.judged("01", "04", order_no=order_no, sendid=order_no)
    await setup.judged("05", order_no=order_no, sendid=order_no, money="4500")


async def reviews(api: Api, query: str = "") -> list[Any]:
    answer = await api.get(f"/reviews{query}")
    assert 200 == answer.status, answer.text
    return list(answer.json["items"])


async def settle(api: Api, review_id: str, settlement: str, **options: Any) -> Answer:
    body = {"settlement": settlement, "note": "asked Zeus"}
    return await api.post(f"/reviews/{review_id}/settle", json=body, **options)


async def release_of(api: Api, order_no: str = ORDER_NO) -> Any:
    return (await api.get(f"/orders/{order_no}")).json["release"]


async def event_types(setup: OperationsSetup) -> list[str]:
    return [row.type for row in await setup.rows("SELECT type FROM events ORDER BY sequence")]


async def test_a_review_names_both_values_and_holds_the_order(
    api: Api, setup: OperationsSetup
) -> None:
    await differing(setup)
    [review] = await reviews(api, "?open=true")
    assert ("values_differ", ORDER_NO, None, None, None, None) == tuple(
        review[name]
        for name in ("reason", "order_no", "settled_at", "settlement", "settled_by", "note")
    )
    before, now = (review["details"]["values"]["money"][name] for name in ("before", "now"))
    assert ("5400", "4500") == (before, now)
    order = (await api.get(f"/orders/{ORDER_NO}")).json
    assert [review] == order["reviews"]
    assert {"state": "held", "released_cycle": None, "held_by": [review["id"]]} == order["release"]
    alone = (await api.get(f"/reviews/{review['id']}")).json
    assert {**review, "holds": True, "notes": []} == alone


async def test_a_release_is_told_once(api: Api, setup: OperationsSetup) -> None:
    await differing(setup)
    [review] = await reviews(api)
    answers = await asyncio.gather(*(settle(api, review["id"], "release") for _ in range(4)))
    assert [200, 409, 409, 409] == sorted(answer.status for answer in answers)
    refused = next(answer for answer in answers if answer.status == 409)
    assert (409, "review-settled") == refused.problem
    assert 1 == (await event_types(setup)).count("order.released")
    assert {"state": "released", "released_cycle": 1, "held_by": []} == await release_of(api)
    settled = (await api.get(f"/reviews/{review['id']}")).json
    assert ("release", "admin-token", "asked Zeus") == tuple(
        settled[name] for name in ("settlement", "settled_by", "note")
    )


@pytest.mark.parametrize(("settlement", "state"), [("hold", "held"), ("dismiss", "waiting")])
async def test_a_release_can_follow_another_decision(
    api: Api, setup: OperationsSetup, settlement: str, state: str
) -> None:
    await differing(setup)
    [review] = await reviews(api)
    assert 200 == (await settle(api, review["id"], settlement)).status
    assert state == (await release_of(api))["state"]
    assert 409 == (await settle(api, review["id"], "dismiss")).status
    answer = await settle(api, review["id"], "release")
    assert [("asked Zeus", "admin-token")] == [
        (one["text"], one["written_by"]) for one in answer.json["notes"]
    ]
    assert "released" == (await release_of(api))["state"]


async def test_a_repeated_request_gets_the_first_answer(api: Api, setup: OperationsSetup) -> None:
    await differing(setup)
    [review] = await reviews(api)
    first, second = [await settle(api, review["id"], "hold", headers=KEY) for _ in range(2)]
    assert (200, first.text) == (second.status, second.text)
    assert (422, "idempotency-key-reused") == (
        await settle(api, review["id"], "release", headers=KEY)
    ).problem
    note = {"text": "ゼウスに確認中"}
    for _ in range(2):
        path = f"/reviews/{review['id']}/notes"
        noted = await api.post(path, json=note, headers={"idempotency-key": "note"})
    assert [("ゼウスに確認中", "admin-token")] == [
        (one["text"], one["written_by"]) for one in noted.json["notes"]
    ]


async def test_the_list_is_filtered_and_paged(api: Api, setup: OperationsSetup) -> None:
    for number in range(3):
        await differing(setup, f"o{number}")
    await setup.judged("99", "98", order_no="o0")
    everything = await reviews(api)
    assert ["quarantined"] * 2 + ["values_differ"] * 3 == [one["reason"] for one in everything]
    await settle(api, everything[-1]["id"], "dismiss")
    for query, expected in (
        ("open=true", everything[:4]),
        ("reason=values_differ", everything[2:]),
        ("reason=values_differ&open=true", everything[2:4]),
        ("order_no=o0", [*everything[:2], everything[-1]]),
        ("order_no=o0&reason=quarantined", everything[:2]),
        ("order_no=" + quote("ｏ０"), [*everything[:2], everything[-1]]),
        ("order_no=o0&open=false", everything[-1:]),
        ("open=false", everything[-1:]),
        ("reason=paid_twice", []),
        ("order_no=none", []),
    ):
        found = await reviews(api, f"?{query}")
        assert [one["id"] for one in expected] == [one["id"] for one in found], query
        assert [one["id"] for one in expected] == await all_pages(api, query), query


async def all_pages(api: Api, query: str) -> list[str]:
    ids: list[str] = []
    cursor = ""
    while True:
        page = (await api.get(f"/reviews?limit=1&{query}{cursor}")).json
        ids += [one["id"] for one in page["items"]]
        cursor = f"&cursor={page['next_cursor']}"
        if not page["has_more"]:
            return ids


async def test_both_orders_of_a_pair_list_the_review_and_one_is_held(
    api: Api, setup: OperationsSetup
) -> None:
    await setup.judged("01", "05", order_no="first")
    await setup.judged("01", "05", order_no="second")
    [review] = await reviews(api, "?reason=paid_twice")
    assert ("second", "first") == (review["order_no"], review["related_order_no"])
    assert (
        [review] == await reviews(api, "?order_no=first") == await reviews(api, "?order_no=second")
    )
    assert ("released", "held") == (
        (await release_of(api, "first"))["state"],
        (await release_of(api, "second"))["state"],
    )


async def test_wrong_requests(api: Api, setup: OperationsSetup) -> None:
    await differing(setup)
    [review] = await reviews(api)
    for body in ({}, {"settlement": "maybe"}, {"settlement": "hold", "note": ""}, {"x": 1}):
        answer = await api.post(f"/reviews/{review['id']}/settle", json=body)
        assert (422, "invalid-request") == answer.problem
    assert 422 == (await api.post(f"/reviews/{review['id']}/notes", json={"text": ""})).status
    assert 422 == (await api.get("/reviews?reason=other")).status
    assert 422 == (await api.get("/reviews?cursor=abc")).status
    missing = uuid4()
    assert (404, "review-not-found") == (await settle(api, str(missing), "hold")).problem
    assert 404 == (await api.get(f"/reviews/{missing}")).status
    assert 404 == (await api.post(f"/reviews/{missing}/notes", json={"text": "a"})).status
    assert review == (await reviews(api))[0]


async def test_dismissing_a_notice_settles_its_review_and_the_other_way_round(
    api: Api, setup: OperationsSetup
) -> None:
    await setup.judged("99", "98")
    second, first = await reviews(api)
    dismissed = await api.post(f"/notices/{first['notice_id']}/dismiss", json={"reason": "a test"})
    assert 200 == dismissed.status
    settled = (await api.get(f"/reviews/{first['id']}")).json
    assert ("dismiss", "a test") == (settled["settlement"], settled["note"])
    assert 200 == (await settle(api, second["id"], "hold")).status
    notice = (await api.get(f"/notices/{second['notice_id']}")).json
    assert (True, "asked Zeus") == (notice["dismissed_at"] is not None, notice["dismissal"])
    assert [] == (await api.get("/attention")).json["quarantined"] == await event_types(setup)
    assert (
        409
        == (
            await api.post(f"/notices/{second['notice_id']}/dismiss", json={"reason": "a test"})
        ).status
    )


async def test_a_notice_and_its_review_end_once(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("04")
    await setup.judged("04", money="9999")
    [review] = await reviews(api, "?reason=conflict")
    path = f"/notices/{review['notice_id']}/dismiss"
    answers = await asyncio.gather(
        *(api.post(path, json={"reason": "a test"}) for _ in range(3)),
        *(settle(api, review["id"], "dismiss") for _ in range(3)),
    )
    assert [200, *[409] * 5] == sorted(answer.status for answer in answers)
    assert 1 == (await event_types(setup)).count("review.settled")


async def test_a_payment_of_an_unwanted_order_makes_a_review(
    api: Api, setup: OperationsSetup
) -> None:
    path = f"/v1/orders/{ORDER_NO}/unwanted"
    marked = await api("PUT", path)
    assert (200, "order_no", ORDER_NO, "admin-token") == (
        marked.status,
        *(marked.json[name] for name in ("kind", "value", "created_by")),
    )
    assert marked.text == (await api("PUT", path)).text
    await setup.judged("01", "04")
    [review] = await reviews(api)
    assert ("unwanted_payment", ORDER_NO) == (review["reason"], review["order_no"])
    assert (await api.get(f"/orders/{ORDER_NO}")).json["unwanted"]
    assert (204, "") == ((gone := await api("DELETE", path)).status, gone.text)
    assert (404, "unwanted-not-found") == (await api("DELETE", path)).problem
    assert not (await api.get(f"/orders/{ORDER_NO}")).json["unwanted"]
    assert [review] == await reviews(api, "?open=true")


@pytest.mark.parametrize("path", [f"/v1/orders/{ORDER_NO}/unwanted", "/v1/unwanted/A-1001"])
async def test_an_order_that_is_paid_already_gets_its_review_now(
    api: Api, setup: OperationsSetup, path: str
) -> None:
    await setup.judged("01", "05")
    assert "released" == (await release_of(api))["state"]
    for _ in range(2):
        assert 200 == (await api("PUT", path)).status
    [review] = await reviews(api)
    assert ("unwanted_payment", None) == (review["reason"], review["notice_id"])
    assert "held" == (await release_of(api))["state"]


async def test_a_purchase_is_marked_before_any_call(api: Api, setup: OperationsSetup) -> None:
    sendid = quote("店/1?", safe="")
    marked = await api("PUT", f"/v1/unwanted/{sendid}")
    assert ("sendid", "店/1?") == (marked.json["kind"], marked.json["value"])
    assert marked.text == (await api.get(f"/unwanted/{sendid}")).text
    await setup.judged("01", "04", order_no="o1", sendid="店/1?")
    assert ["unwanted_payment"] == [one["reason"] for one in await reviews(api)]
    assert 204 == (await api("DELETE", f"/v1/unwanted/{sendid}")).status
    assert (404, "unwanted-not-found") == (await api.get(f"/unwanted/{sendid}")).problem


async def test_reviews_show_nothing_personal(api: Api, setup: OperationsSetup) -> None:
    await differing(setup)
    await setup.judged("99")
    text = (await api.get("/reviews")).text
    assert [] == [secret for secret in PERSONAL if secret in text]
