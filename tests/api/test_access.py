"""Access without a token: nothing can be seen or changed on any route; health needs no token."""

from uuid import UUID, uuid4

import pytest

from tests.api.api_client import TOKEN, Api
from tests.api.api_walk import BODIES, address, body_of, contents, filled, operations
from tests.operations.operations_setup import SOURCE, OperationsSetup

WRONG_TOKENS: list[dict[str, str]] = [
    {},
    {"authorization": ""},
    {"authorization": TOKEN},
    {"authorization": "Bearer"},
    {"authorization": "Bearer "},
    {"authorization": f"Bearer {TOKEN}x"},
    {"authorization": f"Bearer {TOKEN[:-1]}"},
    {"authorization": f"Basic {TOKEN}"},
    {"authorization": f"Bearer {TOKEN} {TOKEN}"},
    {"authorization": "Bearer ～"},
    {"x-authorization": f"Bearer {TOKEN}"},
]


async def test_every_route_rejects_requests_without_a_token(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    before = await contents(setup)
    assert len(list(operations(api))) >= 32
    for method, path, operation in operations(api):
        with subtests.test(operation=operation):
            for headers in (
                WRONG_TOKENS if method == "GET" else WRONG_TOKENS[:1] + WRONG_TOKENS[5:6]
            ):
                answer = await api(
                    method,
                    address(path, operation, names),
                    token=None,
                    headers=headers,
                    json=BODIES.get(operation),
                )
                assert (401, "unauthorized") == answer.problem
                assert answer.headers["www-authenticate"].startswith('Bearer realm="zeus-relay"')
                assert [] == [name for name in ("shop", SOURCE, TOKEN) if name in answer.text]
    assert before == await contents(setup)


async def test_every_route_answers_with_the_admin_token(
    api: Api, setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    for method, path, operation in operations(api):
        with subtests.test(operation=operation):
            answer = await api(method, address(path, operation, names), **body_of(operation))
            assert str(answer.status) in api.document["paths"][path][method.lower()]["responses"]
            assert answer.status in (200, 201, 202, 204), answer.text


async def test_without_a_token_unknown_paths_get_the_same_answer(api: Api) -> None:
    for path in (
        "/v1",
        "/v1/",
        "/v1/no-such-thing",
        "/v1/openapi.json",
        "/v1/subscribers/x/y/z",
        "/%76%31/subscribers",
    ):
        assert (401, "unauthorized") == (await api("GET", path, token=None)).problem
    assert (401, "unauthorized") == (await api("TRACE", "/v1/subscribers", token=None)).problem


async def test_a_body_is_not_read_before_the_token_is_checked(api: Api) -> None:
    answer = await api(
        "POST",
        "/v1/subscribers",
        token=None,
        data=b"{" * 1000,
        headers={"content-type": "application/json"},
    )
    assert (401, "unauthorized") == answer.problem


async def test_the_scheme_of_the_token_ignores_case(api: Api) -> None:
    for scheme in ("Bearer", "bearer", "BEARER"):
        assert (
            200
            == (
                await api(
                    "GET",
                    "/v1/subscribers",
                    token=None,
                    headers={"authorization": f"{scheme} {TOKEN}"},
                )
            ).status
        )


async def test_two_tokens_are_rejected(api: Api) -> None:
    headers = [("authorization", f"Bearer {TOKEN}"), ("authorization", "Bearer other")]
    async with api.session.get(f"{api.base}/v1/subscribers", headers=headers) as response:
        assert 401 == response.status


async def test_health_and_metrics_need_no_token(api: Api) -> None:
    assert (200, "alive\n") == (
        (alive := await api("GET", "/healthz", token=None)).status,
        alive.text,
    )
    assert (200, "ready\n") == (
        (ready := await api("GET", "/readyz", token=None)).status,
        ready.text,
    )
    metrics = await api("GET", "/metrics", token=None)
    assert 200 == metrics.status
    assert metrics.headers["content-type"].startswith("text/plain")
    assert "zeus_relay_events_created_total" in metrics.text


async def test_unknown_ids_are_not_found_on_every_route_that_takes_one(
    api: Api, subtests: pytest.Subtests
) -> None:
    unknown: dict[str, str | int | UUID] = dict.fromkeys(("name", "order_no", "sendid"), "x")
    unknown["webhook_id"] = 7
    for name in (
        "notice",
        "event",
        "sample",
        "recovery",
        "review",
        "reconciliation",
        "application",
        "mail",
    ):
        unknown[f"{name}_id"] = uuid4()
    for method, path, operation in operations(api):
        if "{" not in path or method == "PUT":  # a purchase is unwanted before any call came
            continue
        with subtests.test(operation=operation):
            status, kind = (
                await api(method, path.format(**unknown), json=BODIES.get(operation))
            ).problem
            assert (404, True) == (status, kind.endswith("-not-found"))
