"""Idempotency keys: a repeated request is executed once, and its sealed answer is repeated."""

import asyncio
from typing import Any

import pytest

from app.operations.access.permissions import Role
from tests.api.api_client import Api
from tests.api.api_walk import token
from tests.operations.operations_setup import OperationsSetup

NEW = {"name": "shop", "url": "https://shop.example/hooks"}
KEY = {"idempotency-key": "b1946ac9-2492-d234"}


async def test_the_same_request_is_executed_once_with_the_same_answer(
    api: Api, setup: OperationsSetup
) -> None:
    first, second = [await api.post("/subscribers", json=NEW, headers=KEY) for _ in range(2)]
    assert (201, 201, first.text) == (first.status, second.status, second.text)
    assert first.headers["location"] == second.headers["location"]
    assert first.json["secret"].startswith("whsec_")
    assert 1 == len(await setup.rows("SELECT 1 FROM subscribers"))
    assert 1 == len(
        await setup.rows("SELECT 1 FROM audit_entries WHERE action = 'subscriber.added'")
    )
    assert (409, "name-taken") == (
        await api.post("/subscribers", json=NEW)
    ).problem  # without the key it is a new request


async def test_the_kept_answer_is_sealed(api: Api, setup: OperationsSetup) -> None:
    secret = (await api.post("/subscribers", json=NEW, headers=KEY)).json["secret"]
    (row,) = await setup.rows("SELECT * FROM idempotent_answers")
    assert secret.removeprefix("whsec_") not in str(tuple(row))
    assert secret in setup.vault.open(row.sealed)
    await setup.run("UPDATE idempotent_answers SET sealed = 'x'")  # simulates a lost key
    assert (422, "idempotency-key-reused") == (
        await api.post("/subscribers", json=NEW, headers=KEY)
    ).problem


async def test_another_request_with_the_key_is_rejected(api: Api, setup: OperationsSetup) -> None:
    await api.post("/subscribers", json=NEW, headers=KEY)
    for path, body in (
        ("/subscribers", {**NEW, "customer": True}),
        ("/subscribers", {**NEW, "name": "other"}),
        ("/tokens", {"name": "shop", "role": "viewer"}),
        ("/outbound-webhooks/recover", {"subscriber": "shop", "since": "2026-01-01T00:00:00Z"}),
    ):
        assert (422, "idempotency-key-reused") == (
            await api.post(path, json=body, headers=KEY)
        ).problem
    assert 1 == len(await setup.rows("SELECT 1 FROM subscribers"))


async def test_concurrent_requests_are_executed_once(api: Api, setup: OperationsSetup) -> None:
    answers = await asyncio.gather(
        *(api.post("/subscribers", json=NEW, headers=KEY) for _ in range(8))
    )
    assert {(201, answers[0].text)} == {(answer.status, answer.text) for answer in answers}
    assert 1 == len(await setup.rows("SELECT 1 FROM subscribers"))


async def test_a_rejected_request_is_not_kept(api: Api, setup: OperationsSetup) -> None:
    await setup.add()
    assert (409, "name-taken") == (await api.post("/subscribers", json=NEW, headers=KEY)).problem
    assert 204 == (await api("DELETE", "/v1/subscribers/shop")).status
    assert 201 == (await api.post("/subscribers", json=NEW, headers=KEY)).status


async def test_a_recovery_is_started_once(api: Api, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04")
    await setup.run("UPDATE outbound_webhooks SET state = 'dead'")
    body = {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"}
    first = await api.post("/outbound-webhooks/recover", json=body, headers=KEY)
    assert (200, 2) == (first.status, first.json["webhooks"])
    await setup.work_off()
    await setup.run("UPDATE outbound_webhooks SET state = 'delivered'")
    assert first.text == (await api.post("/outbound-webhooks/recover", json=body, headers=KEY)).text
    assert [] == await setup.work_off()
    assert {"delivered"} == set(await setup.states())


async def test_a_token_is_created_once(api: Api) -> None:
    first, second = [
        await api.post("/tokens", json={"name": "kato", "role": "viewer"}, headers=KEY)
        for _ in range(2)
    ]
    assert (201, first.text) == (second.status, second.text)
    assert 200 == (await api.get("/orders", token=second.json["token"])).status


async def test_operators_do_not_see_answers_of_others(api: Api, setup: OperationsSetup) -> None:
    admin = await token(setup, "kato", Role.ADMIN)
    mine = await api.post("/subscribers", json=NEW, headers=KEY)
    assert (409, "name-taken") == (
        await api.post("/subscribers", json=NEW, headers=KEY, token=admin)
    ).problem
    assert mine.status == 201


async def test_after_a_day_the_key_is_free_and_its_answer_is_deleted(
    api: Api, setup: OperationsSetup
) -> None:
    await api.post("/subscribers", json=NEW, headers=KEY)
    await setup.run(
        "UPDATE idempotent_answers SET created_at = now() - interval '24 hours 1 second'"
    )
    assert (409, "name-taken") == (await api.post("/subscribers", json=NEW, headers=KEY)).problem
    assert (
        201
        == (
            await api.post(
                "/subscribers",
                json={**NEW, "name": "other"},
                headers={"idempotency-key": "another"},
            )
        ).status
    )
    assert ["another"] == [
        row.key for row in await setup.rows("SELECT key FROM idempotent_answers")
    ]


@pytest.mark.parametrize("key", ["", " ", "a b", "x" * 256, "\xe9"])
async def test_a_key_is_printable_and_short(api: Api, key: str) -> None:
    answer: Any = await api.post("/subscribers", json=NEW, headers={"idempotency-key": key})
    assert (422, "invalid-request") == answer.problem
    assert ["header", "Idempotency-Key"] == answer.json["errors"][0]["location"]
