"""Connection options: headers, authorities, client certificates and Ed25519 keys."""

import ssl
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr
from standardwebhooks import Webhook, WebhookVerificationError

from app.operations.doctor.findings import Level
from app.operations.doctor.subscribers import check_subscribers
from app.operations.errors import NotAcceptable
from app.operations.subscribers.models import SubscriberChange
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.subscribers import (
    change_subscriber,
    remove_subscriber,
    show_subscriber,
)
from app.settings import Settings
from tests.forwarding import hostile_server as hostile
from tests.forwarding.certificates import Authority
from tests.forwarding.delivery_setup import until
from tests.forwarding.destinations.test_connection_options import Noting
from tests.operations.operations_setup import ADMIN, RULES, OperationsSetup

SHOP = Authority("shop")


async def change(setup: OperationsSetup, **values: Any) -> Any:
    return await change_subscriber(
        setup.sessions, setup.vault, "shop", SubscriberChange.model_validate(values), RULES, ADMIN
    )


async def test_options_are_sealed_and_only_names_and_dates_are_shown(
    setup: OperationsSetup,
) -> None:
    certificate = SHOP.issue("zeus-relay")
    added = await setup.add(
        "shop",
        headers={"Authorization": "Bearer abc", "X-Shop": "1"},
        ca=SHOP.pem,
        client_certificate=certificate,
    )
    assert (["authorization", "x-shop"], True) == (added.header_names, added.private_ca)
    assert added.client_certificate_expires_at is not None
    shown = (await show_subscriber(setup.sessions, "shop")).model_dump_json()
    (row,) = await setup.rows(
        "SELECT CAST(subscribers.* AS text) AS text, sealed_transport FROM subscribers"
    )
    audit = str(await setup.rows("SELECT details FROM audit_entries"))
    for secret in ("Bearer abc", "PRIVATE KEY"):
        assert [] == [
            place
            for place in (shown, row.text, str(row.sealed_transport), audit)
            if secret in place
        ]


async def test_named_options_change_and_the_others_stay(setup: OperationsSetup) -> None:
    await setup.add("shop", headers={"x-one": "1"}, ca=SHOP.pem)
    changed = await change(setup, headers={"x-two": "2"})
    assert (["x-two"], True) == (changed.header_names, changed.private_ca)
    changed = await change(setup, ca=None)
    assert (["x-two"], False) == (changed.header_names, changed.private_ca)
    changed = await change(setup, headers=None, customer=True)
    assert ([], True) == (changed.header_names, changed.customer)
    assert [(None,)] == [
        tuple(row) for row in await setup.rows("SELECT sealed_transport FROM subscribers")
    ]


async def test_a_removed_subscriber_leaves_no_options(setup: OperationsSetup) -> None:
    await setup.add(
        "shop", headers={"x-one": "1"}, ca=SHOP.pem, client_certificate=SHOP.issue("zeus-relay")
    )
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    (row,) = await setup.rows(
        "SELECT header_names, private_ca, client_certificate_expires_at, sealed_transport "
        "FROM subscribers"
    )
    assert ([], False, None, None) == tuple(row)


_KEY = "-----BEGIN PRIVATE KEY-----"
MIXED = SHOP.issue("a").partition(_KEY)[0] + _KEY + SHOP.issue("b").partition(_KEY)[2]
UNUSABLE: list[tuple[str, Any]] = [
    ("headers", {"webhook-id": "hidden"}),
    ("headers", {"Host": "hidden"}),
    ("headers", {"content-length": "1"}),
    ("headers", {"x-shop": "hidden\r\nwebhook-id: x"}),
    ("ca", "no certificate"),
    ("ca", SHOP.pem[:200]),
    ("client_certificate", "no certificate"),
    ("client_certificate", SHOP.pem),
    ("client_certificate", SHOP.issue("a", password=b"x")),
    ("client_certificate", SHOP.issue("a", days=-1)),
    ("client_certificate", MIXED),
]


async def test_an_invalid_option_is_named_and_not_repeated(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    await setup.add("shop")
    for field, value in UNUSABLE:
        with subtests.test(field=field):
            with pytest.raises(NotAcceptable) as rejected:
                await change(setup, **{field: value})
            assert field == rejected.value.field
            assert "hidden" not in str(rejected.value)
            with pytest.raises(NotAcceptable):
                await setup.add("other", **{field: value})
    assert [] == (await show_subscriber(setup.sessions, "shop")).header_names


async def test_a_webhook_reaches_a_subscriber_that_requires_every_option(
    setup: OperationsSetup, tmp_path: Path
) -> None:
    server = SHOP.server(tmp_path, "localhost")
    server.verify_mode = ssl.CERT_REQUIRED
    server.load_verify_locations(cadata=SHOP.pem)
    shop = Noting()
    async with hostile.serving(shop, server) as port, setup.forwarder():
        certificate = SHOP.issue("zeus-relay")
        added = await setup.add(
            "shop",
            f"https://localhost:{port}/",
            headers={"x-shop": "1"},
            ca=SHOP.pem,
            client_certificate=certificate,
        )
        await setup.judged("01")
        await until(lambda: _delivered(setup))
    assert "1" == shop.headers()["x-shop"]
    assert added.secret.startswith("whsec_")


async def _delivered(setup: OperationsSetup, count: int = 1) -> bool:
    return ["delivered"] * count == await setup.states()


async def test_a_certificate_that_expires_soon_causes_a_warning(
    setup: OperationsSetup, tmp_path: Path
) -> None:
    async with hostile.serving(Noting(), SHOP.server(tmp_path, "localhost")) as port:
        certificate = SHOP.issue("zeus-relay", days=20)
        await setup.add(
            "shop", f"https://localhost:{port}/", ca=SHOP.pem, client_certificate=certificate
        )
        settings = Settings(subscriber_networks="127.0.0.0/8,::1/128")
        (finding,) = await check_subscribers(setup.sessions, setup.vault, settings)
    assert (Level.WARNING, True) == (
        finding.level,
        "its client certificate expires" in finding.message,
    ), finding


async def test_a_public_key_is_shown_and_the_private_one_never_is(setup: OperationsSetup) -> None:
    added = await setup.add("shop", asymmetric=True)
    assert added.secret.startswith("whpk_")
    (secret,) = (await show_subscriber(setup.sessions, "shop")).secrets
    assert added.secret == secret.public_key
    (row,) = await setup.rows("SELECT sealed FROM subscriber_secrets")
    assert setup.vault.open(row.sealed).startswith("whsk_")


async def test_during_a_rotation_from_shared_to_asymmetric_both_sign(
    setup: OperationsSetup,
) -> None:
    shop = Noting()
    async with hostile.serving(shop) as port, setup.forwarder():
        await setup.add("shop", f"http://127.0.0.1:{port}/")
        rotated = await rotate_secret(
            setup.sessions, setup.vault, "shop", Rotation(overlap_hours=1, asymmetric=True), ADMIN
        )
        await setup.judged("01")
        await until(lambda: _delivered(setup))
    assert rotated.secret.startswith("whpk_")
    assert ["v1a", "v1"] == [
        signature.split(",")[0] for signature in shop.headers()["webhook-signature"].split(" ")
    ]
    assert [True, False] == [
        secret.public_key is not None
        for secret in (await show_subscriber(setup.sessions, "shop")).secrets
    ]


async def test_a_secret_verifies_nothing_after_its_overlap(
    setup: OperationsSetup,
) -> None:
    shop = Noting()
    async with hostile.serving(shop) as port, setup.forwarder():
        old = (await setup.add("shop", f"http://127.0.0.1:{port}/")).secret
        new = (
            await rotate_secret(
                setup.sessions, setup.vault, "shop", Rotation(overlap_hours=168), ADMIN
            )
        ).secret
        await setup.judged("01")
        await until(lambda: _delivered(setup))
        for secret in (old, new):
            assert Webhook(secret).verify(shop.bodies[-1], shop.headers())
        await setup.run(
            "UPDATE subscriber_secrets SET expires_at = expires_at - interval '7 days'"
        )  # simulates a week
        await setup.judged("04")
        await until(lambda: _delivered(setup, 2))
    assert Webhook(new).verify(shop.bodies[-1], shop.headers())
    with pytest.raises(WebhookVerificationError):
        Webhook(old).verify(shop.bodies[-1], shop.headers())


async def test_a_shared_secret_makes_no_asymmetric_key(setup: OperationsSetup) -> None:
    shared = SecretStr("whsec_" + "A" * 32)
    with pytest.raises(NotAcceptable):
        await setup.add("shop", asymmetric=True, secret=shared)
    await setup.add("shop")
    rotation = Rotation(asymmetric=True, secret=shared)
    with pytest.raises(NotAcceptable):
        await rotate_secret(setup.sessions, setup.vault, "shop", rotation, ADMIN)
