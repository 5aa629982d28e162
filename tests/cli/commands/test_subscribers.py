"""Commands for subscribers with feeds, key pairs, headers, certificates and limits; reseal."""

import re
from pathlib import Path

from cryptography.fernet import Fernet

from app.crypto.vault import Vault
from tests.api.api_client import serving
from tests.cli.conftest import Cli
from tests.forwarding.certificates import Authority
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import OperationsSetup

URL = "https://shop.example/hooks"
SHOP = Authority("shop")
PACE = ("ordered", "max_in_flight", "timeout_ms", "rate_limit")


async def test_a_polling_subscriber(cli: Cli, setup: OperationsSetup) -> None:
    added = await cli("subscribers", "add", "batch", "--feed", "--events", "payment.received")
    (token,) = re.findall(r"^token +(zft_\S{43})$", added.stdout, re.MULTILINE)
    assert "The secret is not shown again." in added.stderr
    assert re.search(
        r"^batch +active +payment.received +no +\(polls\)$",
        (await cli("subscribers", "list")).stdout,
        re.MULTILINE,
    )
    await setup.judged("01", "04")
    async with serving(setup.sessions, setup.vault) as api:
        assert ["payment.received"] == [
            event["type"] for event in (await api.get("/events", token=token)).json["items"]
        ]
        rotated = (await cli("subscribers", "rotate-secret", "batch")).stdout
        assert 401 == (await api.get("/events", token=token)).status
        assert 200 == (await api.get("/events", token=rotated.split()[-1])).status
    assert "gets no webhooks" in (await cli("subscribers", "test", "batch", code=1)).stderr
    assert "url: " in (await cli("subscribers", "add", "other", code=1)).stderr
    assert "url: " in (await cli("subscribers", "add", "other", URL, "--feed", code=1)).stderr


async def test_a_subscriber_with_a_public_key(cli: Cli) -> None:
    added = await cli("subscribers", "add", "shop", URL, "--asymmetric")
    (key,) = re.findall(r"^public key +(whpk_\S{44})$", added.stdout, re.MULTILINE)
    assert "not shown again" not in added.stderr
    assert key in (await cli("subscribers", "show", "shop")).stdout
    rotated = await cli.json(
        "subscribers", "rotate-secret", "shop", "--asymmetric", "--overlap", "7d"
    )
    assert (True, True) == (rotated["secret"].startswith("whpk_"), rotated["secret"] != key)
    await cli("subscribers", "rotate-secret", "shop", "--overlap", "8d", code=1)


async def test_headers_and_certificates(cli: Cli, tmp_path: Path) -> None:
    ca, certificate, text = tmp_path / "ca.pem", tmp_path / "client.pem", tmp_path / "text"
    ca.write_text(SHOP.pem)
    certificate.write_text(SHOP.issue("zeus-relay"))
    text.write_bytes(b"\xff\xfe")
    await cli(
        "subscribers",
        "add",
        "shop",
        URL,
        "--header",
        "Authorization: Bearer abc:d",
        "--ca",
        str(ca),
    )
    shown = (
        await cli(
            "subscribers",
            "set",
            "shop",
            "--client-certificate",
            str(certificate),
            "--header",
            "X-A: 1",
            "--header",
            "X-B: 2",
        )
    ).stdout
    assert re.search(r"^headers +x-a,x-b$", shown, re.MULTILINE)
    assert re.search(r"^authority +private$", shown, re.MULTILINE)
    assert re.search(r"^certificate until +20\d\d-", shown, re.MULTILINE)
    shown = (
        await cli(
            "subscribers",
            "set",
            "shop",
            "--without",
            "headers",
            "--without",
            "ca",
            "--without",
            "client-certificate",
        )
    ).stdout
    assert [] == re.findall(r"^(?:headers|authority|certificate)", shown, re.MULTILINE)
    assert (
        "headers: host is reserved.\n"
        == (await cli("subscribers", "set", "shop", "--header", "Host: x", code=1)).stderr
    )
    for arguments in (
        ("--header", "no colon"),
        ("--ca", str(text)),
        ("--ca", str(tmp_path / "missing")),
    ):
        await cli("subscribers", "set", "shop", *arguments, code=2)


async def test_sequence_limits_and_timeout(cli: Cli) -> None:
    pace = ("--unordered", "--max-in-flight", "3", "--timeout", "2.5s", "--rate-limit", "7")
    added = await cli.json("subscribers", "add", "shop", URL, *pace)
    assert (False, 3, 2_500, 7) == tuple(added[field] for field in PACE)
    plain = await cli.json("subscribers", "add", "plain", URL)
    assert (True, 16, None, None) == tuple(plain[field] for field in PACE)
    changed = await cli.json("subscribers", "set", "plain", *pace)
    assert (False, 3, 2_500, 7) == tuple(changed[field] for field in PACE)
    shown = (await cli("subscribers", "set", "plain", "--ordered", "--rate-limit", "8")).stdout
    assert ["yes", "3", "2.5 s", "8 a second"] == re.findall(
        r"^(?:in sequence|max in flight|timeout|rate limit) +(.*)$", shown, re.MULTILINE
    )
    changed = await cli.json(
        "subscribers", "set", "plain", "--without", "rate-limit", "--without", "timeout"
    )
    assert (True, 3, None, None) == tuple(changed[field] for field in PACE)


async def test_invalid_limits_are_named(cli: Cli) -> None:
    await cli("subscribers", "add", "shop", URL)
    for option, value, says in (
        ("--rate-limit", "0", "rate_limit: "),
        ("--max-in-flight", "201", "max_in_flight: "),
        ("--timeout", "61s", "timeout_ms: "),
    ):
        assert (await cli("subscribers", "set", "shop", option, value, code=1)).stderr.startswith(
            says
        )
    await cli("subscribers", "set", "shop", "--timeout", "soon", code=2)


async def test_set_changes_only_given_fields(cli: Cli) -> None:
    await cli("subscribers", "add", "shop", URL, "--events", "payment.received", "--customer")
    changed = await cli.json("subscribers", "set", "shop", "--url", "https://new.example/")
    assert ("https://new.example/", ["payment.received"], True) == (
        changed["url"],
        changed["event_types"],
        changed["customer"],
    )
    changed = await cli.json("subscribers", "set", "shop", "--events", "all", "--no-customer")
    assert ("https://new.example/", None, False, "exclude") == (
        changed["url"],
        changed["event_types"],
        changed["customer"],
        changed["test"],
    )


async def test_events_of_tests_are_chosen(cli: Cli) -> None:
    added = await cli.json("subscribers", "add", "shop", URL, "--test", "include")
    assert "include" == added["test"]
    shown = (await cli("subscribers", "set", "shop", "--test", "only")).stdout
    assert "tests" in shown
    assert "only" in shown
    changed = await cli.json("subscribers", "set", "shop", "--url", "https://new.example/")
    assert "only" == changed["test"]
    await cli("subscribers", "set", "shop", "--test", "some", code=2)


async def test_reseal_encrypts_with_a_new_key(cli: Cli, setup: OperationsSetup) -> None:
    secret = (await cli.json("subscribers", "add", "shop", URL, "--header", "X-A: 1"))["secret"]
    new = Fernet.generate_key().decode()
    both = Cli({**cli.environment, "RELAY_SECRET_KEYS": f"{new},{KEY}"})
    assert (
        "re-encrypted: 1 secrets, 1 headers and certificates, 0 stored answers, "
        "0 keys of references\n" == (await both("reseal")).stdout
    )
    assert [secret] == [
        Vault([new]).open(row.sealed)
        for row in await setup.rows("SELECT sealed FROM subscriber_secrets")
    ]
    failed = await cli("reseal", code=1)
    assert "RELAY_SECRET_KEYS decrypts the secrets of: shop" in failed.stderr


async def test_a_url_is_stored_and_shown_unchanged(cli: Cli) -> None:
    signed = "https://Shop.example:443/t/%2Fa/../b//c?sp=%2Ftriggers&sig=a%2Bb%2fc%3D&x=1|2&店?"
    await cli("subscribers", "add", "shop", signed)
    assert signed in (await cli("subscribers", "list")).stdout.split()
    assert signed == (await cli.json("subscribers", "show", "shop"))["url"]
    await cli("subscribers", "set", "shop", "--url", f"{signed}%2F")
    assert f"{signed}%2F" in (await cli("subscribers", "show", "shop")).stdout.split()
