"""Release of quarantined calls over HTTP, with corrected values."""

from typing import Any

import pytest

from tests.api.api_client import Answer, Api
from tests.operations.operations_setup import EMAIL, ORDER_NO, OperationsSetup


async def quarantined(api: Api, setup: OperationsSetup, status: str, **values: str) -> str:
    await setup.judged(status, **values)
    return str((await api.get("/notices?verdict=quarantined")).json["items"][0]["id"])


async def release(api: Api, notice_id: str, parameters: Any = None) -> Answer:
    body = None if parameters is None else {"parameters": parameters}
    return await api.post(f"/notices/{notice_id}/release", json=body)


async def test_a_call_is_judged_with_corrected_values_and_keeps_its_own(
    api: Api, setup: OperationsSetup
) -> None:
    notice_id = await quarantined(api, setup, "4", email="")
    assert ["unknown_status"] == (await api.get(f"/notices/{notice_id}")).json["to_correct"]
    parameters = {"status": "04", "email": EMAIL, "pay_limit": ""}
    assert 200 == (await release(api, notice_id, parameters)).status
    await setup.judge()
    notice = (await api.get(f"/notices/{notice_id}")).json
    assert ("accepted", "4", True, []) == (
        notice["verdict"],
        notice["parameters"]["status"],
        "corrected" in notice["flags"],
        notice["to_correct"],
    )
    assert {"status": "04", "email": "***", "pay_limit": ""} == notice["corrections"]
    order = (await api.get(f"/orders/{ORDER_NO}?personal=true")).json
    assert ("04", None, EMAIL) == (
        order["order"]["status"],
        order["order"]["payment_deadline"],
        order["customer"]["email"],
    )
    [review] = order["reviews"]
    assert ("quarantined", "release", "admin-token") == (
        review["reason"],
        review["settlement"],
        review["settled_by"],
    )


async def test_another_order_number_brings_the_call_to_its_order(
    api: Api, setup: OperationsSetup
) -> None:
    notice_id = await quarantined(api, setup, "04", order_no="")
    assert 200 == (await release(api, notice_id, {"order_no": ORDER_NO})).status
    await setup.judge()
    assert "paid" == (await api.get(f"/orders/{ORDER_NO}")).json["order"]["state"]
    [review] = (await api.get("/reviews")).json["items"]
    assert ("quarantined", None, "release") == (
        review["reason"],
        review["order_no"],
        review["settlement"],
    )


@pytest.mark.parametrize(
    ("values", "parameters", "fault"),
    [
        ({"status": "99"}, None, "unknown_status"),
        ({"status": "99"}, {"status": "98"}, "unknown_status"),
        ({"status": "99"}, {"money": "1"}, "unknown_status"),
        ({"status": "04", "order_no": ""}, {"status": "05"}, "missing_order_no"),
        ({"status": "04", "order_no": ""}, {"order_no": "あ" * 86}, "unusable_order_no"),
        ({"status": "99"}, {"status": ""}, "missing_status"),
    ],
)
async def test_a_call_that_would_be_quarantined_again_is_not_released(
    api: Api, setup: OperationsSetup, values: Any, parameters: Any, fault: str
) -> None:
    notice_id = await quarantined(api, setup, **values)
    answer = await release(api, notice_id, parameters)
    assert (409, "not-releasable") == answer.problem
    assert fault in answer.json["detail"]
    assert "quarantined" == (await api.get(f"/notices/{notice_id}")).json["verdict"]
    assert [None] == [review["settled_at"] for review in (await api.get("/reviews")).json["items"]]


async def test_only_parameters_of_a_call_are_corrected(api: Api, setup: OperationsSetup) -> None:
    notice_id = await quarantined(api, setup, "99")
    for parameters in ({"other": "1"}, {"status": "\ud800"}, {"money": "1" * 501}, {"money": 1}):
        assert (422, "invalid-request") == (await release(api, notice_id, parameters)).problem


async def test_releasing_the_review_releases_the_call(api: Api, setup: OperationsSetup) -> None:
    await setup.call("04", clientip="2012999999")
    await setup.judge("2012000001")
    [review] = (await api.get("/reviews")).json["items"]
    for settlement in ("dismiss", "release"):
        path = f"/reviews/{review['id']}/settle"
        assert 200 == (await api.post(path, json={"settlement": settlement})).status
    await setup.judge("2012000001")
    assert "paid" == (await api.get(f"/orders/{ORDER_NO}")).json["order"]["state"]
    assert (409, "review-settled") == (await api.post(path, json={"settlement": "hold"})).problem


async def test_a_review_of_a_call_that_must_be_corrected_cannot_be_released(
    api: Api, setup: OperationsSetup
) -> None:
    await quarantined(api, setup, "99")
    [review] = (await api.get("/reviews")).json["items"]
    answer = await api.post(f"/reviews/{review['id']}/settle", json={"settlement": "release"})
    assert (409, "not-releasable") == answer.problem
    assert [review] == (await api.get("/reviews?open=true")).json["items"]
