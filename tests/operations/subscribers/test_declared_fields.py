"""Whatever an operator can say of a subscriber can be declared: how it is reached, how fast, how it is signed for, or that it polls."""

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
    world: OperationsSetup, *declared: dict[str, Any], vault: Vault | None = None
) -> int:
    subscribers = [DeclaredSubscriber.model_validate(fields) for fields in declared]
    return await apply_declared(world.sessions, vault or world.vault, subscribers, RULES)


async def _transport(world: OperationsSetup) -> ConnectionOptions:
    [row] = await world.rows("SELECT sealed_transport FROM subscribers")
    return connection_options_of(world.vault.open(row.sealed_transport))


def _shop(**fields: Any) -> dict[str, Any]:
    return {"name": "shop", "url": URL, "secret": SECRET, **fields}


async def test_everything_can_be_declared_and_nothing_changes_at_the_next_start(
    world: OperationsSetup, tmp_path: Path
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
    pace = {"ordered": False, "max_in_flight": 3, "timeout": "2.5s", "rate_limit": 7}
    declared = _shop(**files, **pace, headers={"Authorization": "Bearer abc"})
    assert 1 == await _apply(world, declared)
    shown = await show_subscriber(world.sessions, "shop")
    assert (False, 3, 2_500, 7) == (
        shown.ordered,
        shown.max_in_flight,
        shown.timeout_ms,
        shown.rate_limit,
    )
    assert (["authorization"], True) == (shown.header_names, shown.private_ca)
    assert shown.client_certificate_expires_at is not None
    transport = await _transport(world)
    assert (("Authorization", "Bearer abc"),) == transport.headers
    assert (SHOP.pem.strip(), certificate.read_text().strip()) == (
        transport.ca,
        transport.client_certificate,
    )
    before = await world.rows("SELECT * FROM subscribers")
    assert 0 == await _apply(world, declared)
    assert before == await world.rows("SELECT * FROM subscribers")


async def test_pem_can_stand_in_the_declaration_itself(world: OperationsSetup) -> None:
    await _apply(world, _shop(ca=SHOP.pem, client_certificate=SHOP.issue("zeus-relay")))
    shown = await show_subscriber(world.sessions, "shop")
    assert (True, True) == (shown.private_ca, shown.client_certificate_expires_at is not None)


async def test_what_is_left_out_stays_and_null_takes_it_away(world: OperationsSetup) -> None:
    await _apply(world, _shop())
    fields = {
        "rate_limit": 5,
        "timeout_ms": 3_000,
        "headers": {"x-a": "1"},
        "ca": SHOP.pem,
        "ordered": False,
    }
    await change_subscriber(
        world.sessions, world.vault, "shop", SubscriberChange.model_validate(fields), RULES, ADMIN
    )
    assert 0 == await _apply(world, _shop())
    assert 1 == await _apply(world, _shop(rate_limit=None, headers=None))
    shown = await show_subscriber(world.sessions, "shop")
    assert (None, 3_000, [], True, False) == (
        shown.rate_limit,
        shown.timeout_ms,
        shown.header_names,
        shown.private_ca,
        shown.ordered,
    )


async def test_a_changed_header_is_noticed(world: OperationsSetup) -> None:
    await _apply(world, _shop(headers={"x-a": "1"}))
    assert 1 == await _apply(world, _shop(headers={"x-a": "2"}))
    assert (("x-a", "2"),) == (await _transport(world)).headers


async def test_a_declared_feed_is_read_with_its_token_until_another_is_declared(
    world: OperationsSetup,
) -> None:
    assert [1, 0] == [await _apply(world, FEED), await _apply(world, FEED)]
    async with serving(world.sessions, world.vault) as api:
        assert 200 == (await api.get("/events", token=TOKEN)).status
        assert 1 == await _apply(world, {**FEED, "token": OTHER_TOKEN})
        assert [401, 200] == [
            (await api.get("/events", token=token)).status for token in (TOKEN, OTHER_TOKEN)
        ]
    assert [] == await world.rows("SELECT 1 FROM subscriber_secrets")


async def test_two_feeds_cannot_have_one_token(world: OperationsSetup) -> None:
    with pytest.raises(
        WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[second\] token: another subscriber has it$"
    ):
        await _apply(world, FEED, {**FEED, "name": "second"})
    assert [] == await world.rows("SELECT 1 FROM subscribers")


async def test_one_that_is_sent_webhooks_does_not_become_a_feed(world: OperationsSetup) -> None:
    await _apply(world, _shop(name="poller"))
    with pytest.raises(WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[poller\] feed: "):
        await _apply(world, _shop(), FEED)
    assert [URL] == [row.url for row in await world.rows("SELECT url FROM subscribers")]


async def test_a_feed_can_become_one_that_is_sent_webhooks(world: OperationsSetup) -> None:
    await _apply(world, FEED)
    assert [1, 0] == [
        await _apply(world, _shop(name="poller")),
        await _apply(world, _shop(name="poller")),
    ]
    shown = await show_subscriber(world.sessions, "poller")
    assert (False, URL, 1) == (shown.feed, shown.url, len(shown.secrets))


async def test_a_key_pair_is_made_once_and_its_public_key_shown(world: OperationsSetup) -> None:
    declared = {"name": "shop", "url": URL, "asymmetric": True}
    assert [1, 0] == [await _apply(world, declared), await _apply(world, declared)]
    [secret] = (await show_subscriber(world.sessions, "shop")).secrets
    assert (secret.public_key or "").startswith("whpk_")


async def test_from_a_shared_secret_to_a_key_pair_both_sign_for_a_while(
    world: OperationsSetup,
) -> None:
    await _apply(world, _shop())
    assert 1 == await _apply(world, {"name": "shop", "url": URL, "asymmetric": True})
    assert [True, False] == [
        secret.public_key is not None
        for secret in (await show_subscriber(world.sessions, "shop")).secrets
    ]


async def test_a_certificate_that_has_expired_since_does_not_stop_a_start(
    world: OperationsSetup,
) -> None:
    assert 1 == await _apply(world, _shop(client_certificate=SHOP.issue("zeus-relay", days=-1)))


async def test_headers_whose_key_is_lost_are_written_anew_only_if_nothing_else_could_be_lost_with_them(
    world: OperationsSetup,
) -> None:
    await _apply(world, _shop(headers={"x-a": "1"}))
    other = Vault([new_key()])
    await world.run("UPDATE subscriber_secrets SET sealed = :sealed", sealed=other.seal(SECRET))
    with pytest.raises(WrongSettings, match=r"^RELAY_SUBSCRIBERS: \[shop\] headers: "):
        await _apply(world, _shop(headers={"x-a": "1"}), vault=other)
    assert 1 == await _apply(
        world, _shop(headers={"x-a": "1"}, ca=None, client_certificate=None), vault=other
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
