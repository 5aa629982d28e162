"""Doctor: findings and remedies for faults, and none for correct configurations."""

import ipaddress
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.db.connections import connect
from app.operations.access.generated_keys import new_key
from app.operations.doctor.doctor import check_sources, check_up
from app.operations.doctor.findings import Finding, Level
from app.operations.subscribers.pause import pause_subscriber
from app.settings import Settings
from tests.api.api_client import serving
from tests.forwarding.delivery_setup import KEY
from tests.forwarding.hostile_server import answering, resetting_after, server_tls
from tests.forwarding.hostile_server import serving as hostile_serving
from tests.operations.operations_setup import OPERATOR, OperationsSetup


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which another program listens without answering."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


@dataclass(frozen=True)
class Shop:
    """A subscriber's server on this machine, with the authority of its certificate."""

    url: str
    ca: Path


@pytest.fixture
async def shop(tmp_path: Path) -> AsyncIterator[Shop]:
    tls, trusted = server_tls(tmp_path, "localhost", days=90)
    async with hostile_serving(answering(b"200 OK"), tls) as port:
        yield Shop(f"https://localhost:{port}/hooks", trusted)


# The tests' Postgres has fsync off, and no caller reaches their receiver from outside.
_OF_THE_TESTS = {"durability", "public URL"}


def _settings(setup: OperationsSetup, shop: Shop | None = None, **values: Any) -> Settings:
    defaults = {
        "data_dir": Path(tempfile.gettempdir(), "no-such-directory-of-zeus-relay"),
        "spool_limit": 1024 * 1024,
        "subscriber_ca_file": shop and shop.ca,
        "database_url": SecretStr(setup.url),
        "secret_keys": [SecretStr(KEY)],
        "admin_token": SecretStr("t" * 20),
        "public_port": 0,
        "operator_port": 0,
        "allowed_sources": [ipaddress.ip_network("192.0.2.0/24")],
        "ip_codes": ["2012000001"],
        "subscriber_networks": [
            ipaddress.ip_network("127.0.0.0/8"),
            ipaddress.ip_network("::1/128"),
        ],
    }
    return Settings.model_validate({**defaults, **values})


async def _faults(settings: Settings) -> dict[str, Finding]:
    findings = await check_up(settings)
    assert all((finding.remedy is None) == (finding.level is Level.OK) for finding in findings)
    return {
        finding.subject: finding
        for finding in findings
        if finding.level is not Level.OK and finding.subject not in _OF_THE_TESTS
    }


@pytest.mark.parametrize(
    ("listed", "fault"),
    [
        ("# from the sales desk\n192.0.2.10/32\n", None),
        (
            "# nothing yet\n\n",
            (Level.WARNING, "only this machine may call the notification endpoint"),
        ),
        (
            None,
            (
                Level.ERROR,
                "their file cannot be read (FileNotFoundError), and no receiver starts without it",
            ),
        ),
    ],
)
def test_sources_may_be_listed_in_a_file(
    tmp_path: Path, listed: str | None, fault: tuple[Level, str] | None
) -> None:
    file = tmp_path / "sources"
    if listed is not None:
        file.write_text(listed)
    found = [
        (finding.level, finding.message)
        for finding in check_sources(Settings(allowed_sources_file=file))
    ]
    assert ([fault] if fault else []) == found


async def test_a_correct_configuration_has_no_findings(setup: OperationsSetup, shop: Shop) -> None:
    await setup.add("shop", shop.url)
    assert {} == await _faults(_settings(setup, shop))


async def test_unintended_settings_cause_warnings(setup: OperationsSetup, shop: Shop) -> None:
    await setup.add("shop", shop.url)
    default = Settings.model_fields["allowed_sources"].default
    faults = await _faults(
        _settings(setup, shop, allowed_sources=default, ip_codes=[], allow_http_subscribers=True)
    )
    assert {"sources", "IPコード", "webhooks"} == {
        subject for subject, fault in faults.items() if fault.level is Level.WARNING
    }
    assert "RELAY_ALLOWED_SOURCES" in (faults["sources"].remedy or "")


async def test_variables_of_a_kubernetes_service_cause_a_warning(
    setup: OperationsSetup, shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    await setup.add("shop", shop.url)
    monkeypatch.setenv("RELAY_PUBLIC_PORT", "tcp://10.96.0.7:8000")
    monkeypatch.setenv("RELAY_PUBLIC_SERVICE_HOST", "10.96.0.7")
    faults = await _faults(_settings(setup, shop))
    assert {"environment"} == faults.keys()
    assert faults["environment"].message.endswith(": RELAY_PUBLIC_PORT, RELAY_PUBLIC_SERVICE_HOST")
    assert "enableServiceLinks: false" in (faults["environment"].remedy or "")


async def test_missing_keys_are_found(setup: OperationsSetup) -> None:
    faults = await _faults(_settings(setup, secret_keys=[]))
    assert (Level.ERROR, True) == (
        faults["keys"].level,
        "RELAY_SECRET_KEYS" in faults["keys"].message,
    )


async def test_a_taken_port_is_found(setup: OperationsSetup, shop: Shop, taken_port: int) -> None:
    await setup.add("shop", shop.url)
    faults = await _faults(_settings(setup, shop, operator_port=taken_port))
    assert ["operator listener"] == list(faults)
    assert "another program" in faults["operator listener"].message
    assert "RELAY_OPERATOR_PORT" in (faults["operator listener"].remedy or "")


async def test_an_address_of_another_machine_is_found(setup: OperationsSetup, shop: Shop) -> None:
    await setup.add("shop", shop.url)
    faults = await _faults(_settings(setup, shop, public_host="192.0.2.1", public_port=8000))
    assert "none of this machine" in faults["public listener"].message


async def test_a_database_that_is_away_is_found(setup: OperationsSetup) -> None:
    faults = await _faults(
        _settings(setup, database_url=SecretStr("postgresql://relay:hunter2@127.0.0.1:1/relay"))
    )
    assert ["database"] == list(faults)
    assert Level.ERROR is faults["database"].level
    assert "hunter2" not in faults["database"].model_dump_json()


async def test_a_database_without_tables_is_found(
    setup: OperationsSetup, empty_database_url: str
) -> None:
    faults = await _faults(_settings(setup, database_url=SecretStr(empty_database_url)))
    assert ("has no tables", "run `zeus-relay migrate`") == (
        faults["database"].message[3:16],
        faults["database"].remedy,
    )


async def test_an_older_database_is_found(setup: OperationsSetup) -> None:
    connection = await connect(setup.url)
    await connection.execute("UPDATE alembic_version SET version_num = '0000'")
    await connection.close()
    assert "is at revision 0000" in (await _faults(_settings(setup)))["database"].message


async def test_a_service_without_subscribers_causes_a_warning(setup: OperationsSetup) -> None:
    assert Level.WARNING is (await _faults(_settings(setup)))["subscribers"].level


async def test_each_failing_subscriber_is_found(setup: OperationsSetup, shop: Shop) -> None:
    await setup.add("good", shop.url)
    await setup.add("nowhere", "https://no-such-host.invalid/")
    await setup.add("private", shop.url.replace("localhost", "127.0.0.1"))
    await setup.add("unencrypted", "http://localhost/")
    await setup.add("paused", "https://localhost/")
    await pause_subscriber(setup.sessions, "paused", "maintenance", OPERATOR)
    networks = [ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128")]
    faults = await _faults(_settings(setup, shop, subscriber_networks=networks))
    assert {
        "subscriber nowhere": (Level.ERROR, True),
        "subscriber unencrypted": (Level.ERROR, True),
        "subscriber paused": (Level.WARNING, True),
        "subscriber private": (Level.ERROR, True),  # its certificate is for another name
    } == {subject: (fault.level, bool(fault.remedy)) for subject, fault in faults.items()}
    assert "maintenance" in faults["subscriber paused"].message
    none_allowed = await _faults(_settings(setup, shop, subscriber_networks=[]))
    assert {"subscriber good", "subscriber private"} <= set(none_allowed)


async def test_a_secret_that_no_key_opens_is_found(
    setup: OperationsSetup, shop: Shop, tmp_path: Path
) -> None:
    await setup.add("shop", shop.url)
    fault = (await _faults(_settings(setup, shop, secret_keys=[SecretStr(new_key())])))[
        "subscriber shop"
    ]
    assert (Level.ERROR, True) == (fault.level, "RELAY_SECRET_KEYS" in (fault.remedy or ""))


async def test_a_port_on_which_the_service_runs_is_correct(
    setup: OperationsSetup, shop: Shop
) -> None:
    await setup.add("shop", shop.url)
    async with serving(setup.sessions, setup.vault) as api:
        findings = await check_up(
            _settings(setup, shop, operator_port=int(api.base.rpartition(":")[2]))
        )
    assert ["is answered by a zeus-relay"] == [
        finding.message.partition(" ")[2].partition(" ")[2]
        for finding in findings
        if finding.subject == "operator listener"
    ]
    assert _OF_THE_TESTS == {
        finding.subject for finding in findings if finding.level is not Level.OK
    }


async def test_a_subscriber_that_does_not_answer_is_found(setup: OperationsSetup) -> None:
    await setup.add("away", "https://localhost:65009/hooks")
    fault = (await _faults(_settings(setup)))["subscriber away"]
    assert (Level.ERROR, "no connection") == (fault.level, fault.message.partition(":")[0])


async def test_a_subscriber_without_tls_on_its_port_is_found(setup: OperationsSetup) -> None:
    async with hostile_serving(resetting_after(b"HTTP/1.1 400 Bad Request\r\n\r\n")) as port:
        await setup.add("plain", f"https://localhost:{port}/hooks")
        assert Level.ERROR is (await _faults(_settings(setup)))["subscriber plain"].level


async def test_a_certificate_that_webhooks_would_reject_is_found(
    setup: OperationsSetup, shop: Shop
) -> None:
    await setup.add("private", shop.url)
    fault = (await _faults(_settings(setup)))["subscriber private"]
    assert (Level.ERROR, True) == (fault.level, "its certificate is rejected" in fault.message)


async def test_a_certificate_that_expires_soon_causes_a_warning(
    setup: OperationsSetup, tmp_path: Path
) -> None:
    tls, trusted = server_tls(tmp_path, "localhost", days=5)
    async with hostile_serving(answering(b"200 OK"), tls) as port:
        soon = Shop(f"https://localhost:{port}/hooks", trusted)
        await setup.add("soon", soon.url)
        assert Level.WARNING is (await _faults(_settings(setup, soon)))["subscriber soon"].level
