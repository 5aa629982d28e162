"""Routes of applications: a shop applies at a simulated Zeus, repeats, looks, and is refused."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken, create_token
from tests.api.api_client import Api, serving
from tests.applications.application_setup import applying, request_json, simulated
from tests.operations.operations_setup import ADMIN, OperationsSetup


@pytest.fixture
async def shop(setup: OperationsSetup) -> AsyncIterator[Api]:
    """A client of an API that applies at a simulated Zeus."""
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        serving(setup.sessions, setup.vault, applicant=applicant) as client,
    ):
        yield client


async def apply(api: Api, key: str = "key-1", **changes: Any) -> Any:
    return await api.post(
        "/applications", json=request_json(**changes), headers={"idempotency-key": key}
    )


async def test_a_shop_gets_a_slip(shop: Api) -> None:
    answer = await apply(shop)

    assert 201 == answer.status, answer.text
    slip = answer.json
    assert "accepted" == slip["state"]
    assert {"code": "D001", "name": "セブン-イレブン"} == slip["store"]
    assert ["払込票番号"] == [number["label"] for number in slip["payment_numbers"]]
    assert slip["payment_deadline"] in slip["deadline_at"] or slip["deadline_assumed"]
    assert slip["redirect_url"] is None, "the simulator's page is http://"
    assert "セブン-イレブン" in slip["message"]["ja"]
    assert 46 == len(slip["sendpoint"])
    assert {"name": "***", "telno": "***", "email": "***"} == slip["customer"]
    assert f"/v1/applications/{slip['id']}" == answer.headers["location"]


async def test_the_same_key_gives_the_same_slip(shop: Api) -> None:
    first, second = await apply(shop), await apply(shop)

    assert (201, first.json["id"]) == (second.status, second.json["id"])
    other = await apply(shop, money=999)
    assert (422, "idempotency-key-reused") == other.problem
    listed = await shop.get("/applications")
    assert [first.json["id"]] == [one["id"] for one in listed.json["items"]]


async def test_a_key_is_needed(shop: Api) -> None:
    answer = await shop.post("/applications", json=request_json())
    assert (422, "invalid-request") == answer.problem
    spaced = await apply(shop, "two words")
    assert (422, "invalid-request") == spaced.problem


async def test_all_faults_come_together(shop: Api) -> None:
    customer = {"name": "山田太郎", "telno": "1", "email": "no address"}
    answer = await apply(shop, money=5400.0, store="kiosk", customer=customer, sendid="ア", x=1)

    assert (422, "invalid-request") == answer.problem
    assert {
        "/money",
        "/store",
        "/customer/name",
        "/customer/telno",
        "/customer/email",
        "/sendid",
        "/x",
    } == {fault["pointer"] for fault in answer.json["errors"]}
    assert "山田" not in answer.text


async def test_one_slip_for_one_purchase(shop: Api) -> None:
    first = await apply(shop)
    second = await apply(shop, "key-2")

    assert (409, "application-exists") == second.problem
    assert first.json["id"] == second.json["application_id"]
    third = await apply(shop, "key-3", replaces=first.json["id"])
    assert 201 == third.status
    replaced = await shop.get(f"/applications/{first.json['id']}")
    assert replaced.json["payment_numbers"] is None


def customer_of(word: str) -> dict[str, str]:
    """A customer whose address makes the simulator answer so."""
    return {**request_json()["customer"], "email": f"taro+{word}@example.com"}


async def test_errors_of_zeus_say_who_can_act(shop: Api) -> None:
    answer = await apply(shop, customer=customer_of("error-0008"))
    assert (201, "failed") == (answer.status, answer.json["state"])
    error = answer.json["error"]
    assert ("0008", None) == (error["zeus_code"], error["field"])
    assert ("customer", "other_store") == (error["who_can_act"], error["retry"])
    assert error["message"] == answer.json["message"]
    assert 201 == (await apply(shop, "key-2")).status, "a failed application makes no slip"


async def test_a_refused_parameter_is_named_as_the_field_of_the_request(shop: Api) -> None:
    answer = await apply(shop, customer=customer_of("rejected"))
    assert (201, "rejected") == (answer.status, answer.json["state"])
    assert "/customer/name" == answer.json["error"]["field"]


async def test_a_lost_answer_is_unknown_until_an_operator_resolves_it(shop: Api) -> None:
    answer = await apply(shop, customer=customer_of("answer-lost"))
    assert (202, "unknown") == (answer.status, answer.json["state"])
    assert int(answer.headers["retry-after"])
    assert 202 == (await apply(shop, customer=customer_of("answer-lost"))).status
    assert (409, "application-exists") == (await apply(shop, "key-2")).problem
    path = f"/applications/{answer.json['id']}"
    assert (422, "invalid-request") == (await shop.post(f"{path}/resolve", json={})).problem
    both = {"order_no": "1", "outcome": "failed"}
    assert (422, "invalid-request") == (await shop.post(f"{path}/resolve", json=both)).problem
    resolved = await shop.post(f"{path}/resolve", json={"order_no": "1234-5"})
    assert ("accepted", "1234-5") == (resolved.json["state"], resolved.json["order_no"])
    assert "admin-token" == resolved.json["resolved_by"]
    again = await shop.post(f"{path}/resolve", json={"outcome": "failed"})
    assert (409, "not-resolvable") == again.problem


async def test_roles(setup: OperationsSetup, shop: Api) -> None:
    made = await create_token(setup.sessions, NewToken(name="shop", role=Role.APPLICANT), ADMIN)
    body, headers = request_json(), {"idempotency-key": "k"}
    answer = await shop.post("/applications", json=body, headers=headers, token=made.token)
    assert (201, "shop") == (answer.status, answer.json["created_by"])
    path = f"/applications/{answer.json['id']}"
    assert 200 == (await shop.get(path, token=made.token)).status
    assert 403 == (await shop.get(f"{path}?personal=true", token=made.token)).status
    assert 403 == (await shop.post(f"{path}/resolve", json={}, token=made.token)).status
    seen = await shop.get(f"{path}?personal=true")
    assert "コンビニ　タロウ" == seen.json["customer"]["name"]


async def test_a_relay_that_applies_for_nothing(setup: OperationsSetup) -> None:
    async with serving(setup.sessions, setup.vault) as client:
        answer = await apply(client)
    assert (503, "applications-not-configured") == answer.problem


async def test_no_connection_is_told_and_tried_again(setup: OperationsSetup) -> None:
    async with (
        applying(setup.sessions, "http://127.0.0.1:1/cgi-bin/cvs.cgi") as applicant,
        serving(setup.sessions, setup.vault, applicant=applicant) as client,
    ):
        answer = await apply(client)
        assert (503, "application-not-sent") == answer.problem
        assert "not_sent" == answer.json["application"]["state"]
        assert int(answer.headers["retry-after"])
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        serving(setup.sessions, setup.vault, applicant=applicant) as client,
    ):
        again = await apply(client)
    assert (201, answer.json["application_id"]) == (again.status, again.json["id"])
