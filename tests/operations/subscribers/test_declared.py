"""Declared subscribers: applied at every start, by any number of processes."""

import asyncio
from typing import Any

import pytest
from pydantic import SecretStr

from app.crypto.vault import Vault
from app.operations.access.generated_keys import new_key
from app.operations.subscribers.declared import apply_declared
from app.operations.subscribers.pause import pause_subscriber
from app.operations.subscribers.subscribers import remove_subscriber, show_subscriber
from app.settings import DeclaredSubscriber, WrongSettings
from tests.operations.operations_setup import ADMIN, OPERATOR, RULES, OperationsSetup

SECRET = "whsec_" + "A" * 32
OTHER = "whsec_" + "B" * 32


def _declared(**values: Any) -> DeclaredSubscriber:
    return DeclaredSubscriber.model_validate(
        {"name": "shop", "url": "https://shop.example/hooks", "secret": SECRET, **values}
    )


async def _apply(setup: OperationsSetup, *declared: DeclaredSubscriber) -> int:
    return await apply_declared(setup.sessions, setup.vault, declared, RULES)


async def _secrets(setup: OperationsSetup) -> list[str]:
    rows = await setup.rows(
        "SELECT sealed FROM subscriber_secrets "
        "WHERE expires_at IS NULL OR expires_at > now() ORDER BY id DESC"
    )
    return [setup.vault.open(row.sealed) for row in rows]


async def test_a_declared_subscriber_is_added_once(setup: OperationsSetup) -> None:
    declared = _declared(events=["payment.received"], customer=True)
    assert 1 == await _apply(setup, declared)
    first = await show_subscriber(setup.sessions, "shop")
    assert (["payment.received"], True, True, "active") == (
        first.event_types,
        first.customer,
        first.declared,
        first.state,
    )
    assert 0 == await _apply(setup, declared)
    assert first == await show_subscriber(setup.sessions, "shop")
    assert [SECRET] == await _secrets(setup)


async def test_a_declared_url_is_kept_as_written(setup: OperationsSetup) -> None:
    declared = _declared(
        url="https://Shop.example:443/t/%2Fa/../b//c?sp=%2Ftriggers&sig=a%2Bb%2fc%3D&x=1|2&店?"
    )
    assert 1 == await _apply(setup, declared)
    assert declared.url == (await show_subscriber(setup.sessions, "shop")).url
    assert 0 == await _apply(setup, declared)


async def test_concurrent_starts_add_it_once(setup: OperationsSetup) -> None:
    declared = [_declared(name=f"shop{number}") for number in range(3)]
    changed = await asyncio.gather(
        *(_apply(setup, *order) for order in (declared, declared[::-1], declared, declared[::-1]))
    )
    assert 3 == sum(changed)
    assert 3 == len(await setup.rows("SELECT 1 FROM subscriber_secrets"))


async def test_a_changed_declaration_changes_the_subscriber(setup: OperationsSetup) -> None:
    await _apply(setup, _declared(events=["payment.received"]))
    assert 1 == await _apply(setup, _declared(url="https://new.example/"))
    shown = await show_subscriber(setup.sessions, "shop")
    assert ("https://new.example/", None) == (shown.url, shown.event_types)


async def test_a_changed_secret_is_a_rotation(setup: OperationsSetup) -> None:
    await _apply(setup, _declared())
    before = await show_subscriber(setup.sessions, "shop")
    assert 1 == await _apply(setup, _declared(secret=OTHER))
    assert [OTHER, SECRET] == await _secrets(setup)
    after = await show_subscriber(setup.sessions, "shop")
    assert after.updated_at > before.updated_at  # makes workers reload it
    assert [True, False] == [secret.expires_at is None for secret in after.secrets]


async def test_a_subscriber_added_by_hand_becomes_the_declared_one(setup: OperationsSetup) -> None:
    await setup.add(customer=True)
    assert 1 == await _apply(setup, _declared())
    shown = await show_subscriber(setup.sessions, "shop")
    assert (True, False, 2) == (shown.declared, shown.customer, len(shown.secrets))


async def test_no_subscriber_is_removed_or_resumed(setup: OperationsSetup) -> None:
    await _apply(setup, _declared(), _declared(name="other"))
    await pause_subscriber(setup.sessions, "shop", "by hand", OPERATOR)
    assert 1 == await _apply(setup, _declared(customer=True))
    assert ("paused", "by hand") == (
        (shop := await show_subscriber(setup.sessions, "shop")).state,
        shop.pause_reason,
    )
    assert "active" == (await show_subscriber(setup.sessions, "other")).state


async def test_a_removed_subscriber_returns_at_the_next_start(setup: OperationsSetup) -> None:
    await _apply(setup, _declared())
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    assert 1 == await _apply(setup, _declared())
    assert "active" == (await show_subscriber(setup.sessions, "shop")).state


UNUSABLE: list[tuple[dict[str, Any], str]] = [
    ({"name": "a/b"}, "[a/b] name: "),
    ({"url": "http:/"}, "[shop] url: "),
    ({"url": "https://10.0.0.1/"}, "[shop] url: "),
    ({"events": []}, "[shop] events: "),
    ({"events": ["x"]}, "[shop] events: "),
    ({"secret": "password1"}, "[shop] secret: "),
    ({"secret": None, "secret_file": "/nowhere/password1"}, "[shop] secret_file: "),
    ({"rate_limit": 0}, "[shop] rate_limit: "),
    ({"max_in_flight": 201}, "[shop] max_in_flight: "),
    ({"timeout": "61s"}, "[shop] timeout: "),
    ({"headers": {"host": "password1"}}, "[shop] headers: "),
    ({"headers": {"x-a": " password1"}}, "[shop] headers: "),
    ({"ca": "password1"}, "[shop] ca: "),
    ({"ca_file": "/nowhere/password1"}, "[shop] ca_file: "),
    ({"client_certificate": "password1"}, "[shop] client_certificate: "),
    ({"url": None, "secret": None, "feed": True, "token": "zft_password1"}, "[shop] token: "),
]


async def test_an_invalid_declaration_is_rejected_before_any_change(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    for values, says in UNUSABLE:
        with subtests.test(**values):
            with pytest.raises(WrongSettings) as wrong:
                await _apply(setup, _declared(name="good"), _declared(**values))
            assert str(wrong.value).startswith(f"RELAY_SUBSCRIBERS: {says}")
            assert "password1" not in str(wrong.value)
            assert "\n" not in str(wrong.value)
    assert [] == await setup.rows("SELECT 1 FROM subscribers")


async def test_a_lost_key_is_named(setup: OperationsSetup) -> None:
    await _apply(setup, _declared())
    with pytest.raises(
        WrongSettings, match="RELAY_SECRET_KEYS: no key opens the secret of the subscriber shop"
    ):
        await apply_declared(
            setup.sessions, Vault([new_key()]), [_declared(secret=SecretStr(SECRET))], RULES
        )
