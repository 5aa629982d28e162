"""Result page over HTTP: headers, languages, roles, and numbers that vanish with the payment."""

from collections.abc import AsyncIterator

import pytest

from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken, create_token
from tests.api.api_client import Api, serving
from tests.applications.application_setup import applying, request_json, simulated
from tests.operations.operations_setup import ADMIN, PERSONAL, OperationsSetup


@pytest.fixture
async def shop(setup: OperationsSetup) -> AsyncIterator[Api]:
    """A client of an API that applies at a simulated Zeus."""
    async with (
        simulated() as (_, url),
        applying(setup.sessions, url) as applicant,
        serving(setup.sessions, setup.vault, applicant=applicant) as client,
    ):
        yield client


async def test_the_page_has_the_numbers_until_the_slip_is_paid(
    shop: Api, setup: OperationsSetup
) -> None:
    slip = (
        await shop.post(
            "/applications",
            json=request_json(store="lawson"),
            headers={"idempotency-key": "k"},
        )
    ).json
    path = f"/applications/{slip['id']}/page"
    for language, words in (("ja", "お支払いの手順"), ("en", "How to pay")):
        page = await shop.get(f"{path}?lang={language}")
        assert (200, "text/html; charset=utf-8") == (page.status, page.headers["content-type"])
        assert "no-store" == page.headers["cache-control"]
        assert page.headers["content-security-policy"].startswith("default-src 'none'; style-src")
        assert words in page.text
        assert [] == [n for n in slip["payment_numbers"] if n["value"] not in page.text]
        assert [] == [value for value in PERSONAL if value in page.text]
    assert (await shop.get(path)).text == (await shop.get(f"{path}?lang=ja")).text
    assert 422 == (await shop.get(f"{path}?lang=fr")).status

    await setup.judged("01", "04", order_no=slip["order_no"])
    paid = await shop.get(f"{path}?lang=en")
    assert "We have received your payment" in paid.text
    assert [] == [n for n in slip["payment_numbers"] if n["value"] in paid.text]


async def test_who_reads_applications_reads_the_page(shop: Api, setup: OperationsSetup) -> None:
    slip = (
        await shop.post("/applications", json=request_json(), headers={"idempotency-key": "k"})
    ).json
    path = f"/applications/{slip['id']}/page"
    for role, status in ((Role.APPLICANT, 200), (Role.VIEWER, 200), (Role.MAILER, 403)):
        made = await create_token(setup.sessions, NewToken(name=f"a-{role}", role=role), ADMIN)
        assert status == (await shop.get(path, token=made.token)).status, role
    assert 401 == (await shop.get(path, token="wrong")).status
    missing = await shop.get("/applications/01a21b9b-7fd4-754b-884a-8133324fad29/page")
    assert (404, "application-not-found") == missing.problem
