"""Declared fields: everything that an operator can configure for a subscriber."""

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from app.crypto.vault import Vault
from app.forwarding.destinations.connection_options import ConnectionOptions, connection_options_of
from app.operations.access.generated_keys import new_key
from app.operations.subscribers.declared import apply_declared
from app.operations.subscribers.models import SubscriberChange
from app.operations.subscribers.subscribers import change_subscriber, show_subscriber
from app.settings import DeclaredSubscriber, WrongSettings
from tests.api.api_client import serving
from tests.forwarding.certificates import Authority
from tests.operations.operations_setup import ADMIN, RULES, OperationsSetup

URL = "https://shop.example/hooks"
SECRET = "whsec_" + "A" * 32
TOKEN = "zft_" + "a" * 43
OTHER_TOKEN = "zft_" + "b" * 43
SHOP = Authority("shop")
FEED = {"name": "poller", "feed": True, "token": TOKEN}


async def _apply(
    setup: OperationsSetup, *declared: dict[str, Any], vault: Vault | None = None
) -> int:
    subscribers = [DeclaredSubscriber.model_validate(fields) for fields in declared]
    return await apply_declared(setup.sessions, vault or setup.vault, subscribers, RULES)


async def _options(setup: OperationsSetup) -> ConnectionOptions:
    [row] = await setup.rows("SELECT sealed_transport FROM subscribers")
    return connection_options_of(setup.vault.open(row.sealed_transport))


def _shop(**fields: Any) -> dict[str, Any]:
    return {"name": "shop", "url": URL, "secret": SECRET, **fields}


async def test_every_field_can_be_declared_and_the_next_start_changes_nothing(
    setup: OperationsSetup, tmp_path: Path
) -> None:
    ca, certificate, secret = tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "secret"
    ca.write_text(SHOP.pem)
    certificate.write_text(SHOP.issue("zeus-relay"))
    secret.write_text(SECRET + "\n")
    files = {
        "secret": None,
        "secret_file": str(secret),
        "ca_file": str(ca),
        "client_certificate_file": str(certificate),
    }
    pace = {
        "test": "only",
        "ordered": False,
        "max_in_flight": 3,
        "timeout": "2.5s",
        "rate_limit": 7,
    }
    declared = _shop(**files, **pace, headers={"Authorization": "Bearer abc"})
    assert 1 == await _apply(setup, declared)
    shown = await show_subscriber(setup.sessions, "shop")
    assert ("only", False, 3, 2_500, 7) == (
        shown.test,
        shown.ordered,
        shown.max_in_flight,
        shown.timeout_ms,
        shown.rate_limit,
    )
    assert (["authorization"], True) == (shown.header_names, shown.private_ca)
    assert shown.client_certificate_expires_at is not None
    options = await _options(setup)
    assert (("Authorization", "Bearer abc"),) == options.headers
    assert (SHOP.pem.strip(), certificate.read_text().strip()) == (
        options.ca,
        options.client_certificate,
    )
    before = await setup.rows("SELECT * FROM subscribers")
    assert 0 == await _apply(setup, declared)
    assert before == await setup.rows("SELECT * FROM subscribers")


async def test_pem_can_be_given_in_the_declaration_itself(setup: OperationsSetup) -> None:
    await _apply(setup, _shop(ca=SHOP.pem, client_certificate=SHOP.issue("zeus-relay")))
    shown = await show_subscriber(setup.sessions, "shop")
    assert (True, True) == (shown.private_ca, shown.client_certificate_expires_at is not None)


async def test_a_missing_field_stays_and_null_removes_it(setup: OperationsSetup) -> None:
    await _apply(setup, _shop())
    fields = {
        "rate_limit": 5,
        "timeout_ms": 3_000,
        "headers": {"x-a": "1"},
        "ca": SHOP.pem,
        "ordered": False,
        "test": "include",
    }
    await change_subscriber(
        setup.sessions, setup.vault, "shop", SubscriberChange.model_validate(fields), RULES, ADMIN
    )
    assert 0 == await _apply(setup, _shop())
    assert 1 == await _apply(setup, _shop(rate_limit=None, headers=None))
    shown = await show_subscriber(setup.sessions, "shop")
    assert (None, 3_000, [], True, False, "include") == (
        shown.rate_limit,
        shown.timeout_ms,
        shown.header_names,
        shown.private_ca,
        shown.ordered,
        shown.test,
    )


async def test_a_changed_header_is_applied(setup: OperationsSetup) -> None:
    await _apply(setup, _shop(headers={"x-a": "1"}))
    assert 1 == await _apply(setup, _shop(headers={"x-a": "2"}))
    assert (("x-a", "2"),) == (await _options(setup)).headers


async def test_a_declared_feed_is_read_with_its_token_until_another_is_declared(
    setup: OperationsSetup,
) -> None:
    assert [1, 0] == [await _apply(setup, FEED), await _apply(setup, FEED)]
    async with serving(setup.sessions, setup.vault) as api:
        assert 200 == (await api.get("/events", token=TOKEN)).status
        assert 1 == await _apply(setup, {**FEED, "token": OTHER_TOKEN})
        assert [401, 200] == [
            (await api.get("/events", token=token)).status for token in (TOKEN, OTHER_TOKEN)
        ]
    assert [] == await setup.rows("SELECT 1 FROM subscriber_secrets")


async def test_two_feeds_cannot_have_one_token(setup: OperationsSetup) -> None:
    with pytest.raises(
        WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[second\] token: another subscriber has it$"
    ):
        await _apply(setup, FEED, {**FEED, "name": "second"})
    assert [] == await setup.rows("SELECT 1 FROM subscribers")


async def test_a_subscriber_with_webhooks_does_not_become_a_feed(setup: OperationsSetup) -> None:
    await _apply(setup, _shop(name="poller"))
    with pytest.raises(WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[poller\] feed: "):
        await _apply(setup, _shop(), FEED)
    assert [URL] == [row.url for row in await setup.rows("SELECT url FROM subscribers")]


async def test_a_feed_can_become_a_subscriber_with_webhooks(setup: OperationsSetup) -> None:
    await _apply(setup, FEED)
    assert [1, 0] == [
        await _apply(setup, _shop(name="poller")),
        await _apply(setup, _shop(name="poller")),
    ]
    shown = await show_subscriber(setup.sessions, "poller")
    assert (False, URL, 1) == (shown.feed, shown.url, len(shown.secrets))


async def test_a_key_pair_is_made_once_and_its_public_key_is_shown(setup: OperationsSetup) -> None:
    declared = {"name": "shop", "url": URL, "asymmetric": True}
    assert [1, 0] == [await _apply(setup, declared), await _apply(setup, declared)]
    [secret] = (await show_subscriber(setup.sessions, "shop")).secrets
    assert (secret.public_key or "").startswith("whpk_")


async def test_from_a_shared_secret_to_a_key_pair_both_sign_for_a_while(
    setup: OperationsSetup,
) -> None:
    await _apply(setup, _shop())
    assert 1 == await _apply(setup, {"name": "shop", "url": URL, "asymmetric": True})
    assert [True, False] == [
        secret.public_key is not None
        for secret in (await show_subscriber(setup.sessions, "shop")).secrets
    ]


async def test_a_certificate_that_has_expired_since_does_not_stop_a_start(
    setup: OperationsSetup,
) -> None:
    assert 1 == await _apply(setup, _shop(client_certificate=SHOP.issue("zeus-relay", days=-1)))


async def test_headers_of_a_lost_key_are_replaced_only_if_no_other_option_is_lost(
    setup: OperationsSetup,
) -> None:
    await _apply(setup, _shop(headers={"x-a": "1"}))
    other = Vault([new_key()])
    await setup.run("UPDATE subscriber_secrets SET sealed = :sealed", sealed=other.seal(SECRET))
    with pytest.raises(WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[shop\] headers: "):
        await _apply(setup, _shop(headers={"x-a": "1"}), vault=other)
    assert 1 == await _apply(
        setup, _shop(headers={"x-a": "1"}, ca=None, client_certificate=None), vault=other
    )


@pytest.mark.parametrize(
    ("fields", "says"),
    [
        ({"url": URL}, "secret: "),
        ({"url": URL, "secret": SECRET, "asymmetric": True}, "secret: "),
        (
            {"url": URL, "secret": SECRET, "secret_file": "a"},
            "secret: is given twice, also as secret_file",
        ),
        ({"url": URL, "secret": SECRET, "ca": "a", "ca_file": "a"}, "ca: "),
        ({"url": URL, "secret": SECRET, "token": TOKEN}, "token: "),
        ({"secret": SECRET}, "url: "),
        ({"feed": True}, "token: "),
        ({"feed": True, "token": TOKEN, "url": URL}, "url: "),
        ({"feed": True, "token": TOKEN, "secret": SECRET}, "secret: "),
        ({"feed": True, "token": TOKEN, "headers": {"x-a": "1"}}, "headers: "),
        ({"feed": True, "token": TOKEN, "ca_file": "a"}, "ca: "),
    ],
)
def test_fields_that_do_not_go_together_are_named(fields: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError) as wrong:
        DeclaredSubscriber.model_validate({"name": "shop", **fields})
    [fault] = wrong.value.errors()
    assert fault["msg"].startswith(f"Value error, {says}")
