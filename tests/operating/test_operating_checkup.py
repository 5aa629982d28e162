"""The check-up finds what is wrong, says what to do about it, and leaves alone what is right."""

import ipaddress
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import SecretStr

from app.db.connections import connect
from app.operating.checkup import Finding, Level, check_up
from app.operating.keys import new_key
from app.operating.subscribers import pause_subscriber
from app.settings import Settings
from tests.api.api_client import serving
from tests.forwarding.delivery_world import KEY
from tests.operating.operating_world import OperatingWorld


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody else listens, and does not answer."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


def _settings(world: OperatingWorld, **values: Any) -> Settings:
    usual = {
        "database_url": SecretStr(world.url),
        "secret_keys": [SecretStr(KEY)],
        "admin_token": SecretStr("t" * 20),
        "public_port": 0,
        "operator_port": 0,
        "allowed_sources": [ipaddress.ip_network("192.0.2.0/24")],
        "ip_codes": ["2012000001"],
        "subscriber_networks": [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")],
    }
    return Settings.model_validate({**usual, **values})


async def _faults(settings: Settings) -> dict[str, Finding]:
    findings = await check_up(settings)
    assert all((finding.remedy is None) == (finding.level is Level.OK) for finding in findings)
    return {finding.subject: finding for finding in findings if finding.level is not Level.OK}


async def test_nothing_is_wrong_where_nothing_is(world: OperatingWorld) -> None:
    await world.add("shop", "https://localhost/hooks")
    assert {} == await _faults(_settings(world))


async def test_settings_that_are_probably_not_meant_are_warned_of(world: OperatingWorld) -> None:
    await world.add("shop", "https://localhost/hooks")
    default = Settings.model_fields["allowed_sources"].default
    faults = await _faults(_settings(world, allowed_sources=default, ip_codes=[], allow_http_subscribers=True))
    assert {"sources", "IPコード", "webhooks"} == {subject for subject, fault in faults.items() if fault.level is Level.WARNING}
    assert "RELAY_ALLOWED_SOURCES" in (faults["sources"].remedy or "")


async def test_missing_keys_are_found(world: OperatingWorld) -> None:
    faults = await _faults(_settings(world, secret_keys=[]))
    assert (Level.ERROR, True) == (faults["keys"].level, "RELAY_SECRET_KEYS" in faults["keys"].message)


async def test_a_taken_port_is_found(world: OperatingWorld, taken_port: int) -> None:
    await world.add("shop", "https://localhost/hooks")
    faults = await _faults(_settings(world, operator_port=taken_port))
    assert ["operator listener"] == list(faults)
    assert "another program" in faults["operator listener"].message
    assert "RELAY_OPERATOR_PORT" in (faults["operator listener"].remedy or "")


async def test_an_address_of_another_machine_is_found(world: OperatingWorld) -> None:
    await world.add("shop", "https://localhost/hooks")
    faults = await _faults(_settings(world, public_host="192.0.2.1", public_port=8000))
    assert "none of this machine" in faults["public listener"].message


async def test_a_database_that_is_away_is_found(world: OperatingWorld) -> None:
    faults = await _faults(_settings(world, database_url=SecretStr("postgresql://relay:hunter2@127.0.0.1:1/relay")))
    assert ["database"] == list(faults)
    assert Level.ERROR is faults["database"].level
    assert "hunter2" not in faults["database"].model_dump_json()


async def test_a_database_without_tables_is_found(world: OperatingWorld, empty_database_url: str) -> None:
    faults = await _faults(_settings(world, database_url=SecretStr(empty_database_url)))
    assert ("has no tables", "run `zeus-relay migrate`") == (faults["database"].message[3:16], faults["database"].remedy)


async def test_an_older_database_is_found(world: OperatingWorld) -> None:
    connection = await connect(world.url)
    await connection.execute("UPDATE alembic_version SET version_num = '0000'")
    await connection.close()
    assert "is at revision 0000" in (await _faults(_settings(world)))["database"].message


async def test_no_subscriber_is_warned_of(world: OperatingWorld) -> None:
    assert Level.WARNING is (await _faults(_settings(world)))["subscribers"].level


async def test_each_subscriber_in_trouble_is_found(world: OperatingWorld) -> None:
    await world.add("good", "https://localhost/hooks")
    await world.add("nowhere", "https://no-such-host.invalid/")
    await world.add("private", "https://127.0.0.1/")
    await world.add("unencrypted", "http://localhost/")
    await world.add("paused", "https://localhost/")
    await pause_subscriber(world.sessions, "paused", "maintenance")
    networks = [ipaddress.ip_network("127.0.0.1/32"), ipaddress.ip_network("::1/128")]
    faults = await _faults(_settings(world, subscriber_networks=networks))
    assert {
        "subscriber nowhere": (Level.ERROR, True),
        "subscriber unencrypted": (Level.ERROR, True),
        "subscriber paused": (Level.WARNING, True),
    } == {subject: (fault.level, bool(fault.remedy)) for subject, fault in faults.items()}
    assert "maintenance" in faults["subscriber paused"].message
    none_allowed = await _faults(_settings(world, subscriber_networks=[]))
    assert {"subscriber good", "subscriber private"} <= set(none_allowed)


async def test_a_secret_that_no_key_opens_is_found(world: OperatingWorld, tmp_path: Path) -> None:
    await world.add("shop", "https://localhost/hooks")
    fault = (await _faults(_settings(world, secret_keys=[SecretStr(new_key())])))["subscriber shop"]
    assert (Level.ERROR, True) == (fault.level, "RELAY_SECRET_KEYS" in (fault.remedy or ""))


async def test_a_port_on_which_the_service_runs_is_right(world: OperatingWorld) -> None:
    await world.add("shop", "https://localhost/hooks")
    async with serving(world.sessions, world.vault) as api:
        findings = await check_up(_settings(world, operator_port=int(api.base.rpartition(":")[2])))
    assert ["is answered by a zeus-relay"] == [
        finding.message.partition(" ")[2].partition(" ")[2] for finding in findings if finding.subject == "operator listener"
    ]
    assert [] == [finding for finding in findings if finding.level is not Level.OK]
