"""Compose file: required variables, published ports, users and rights of each container."""

import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.container.installation import LONG_RUNNING, PASSWORDS, ROOT, Installation

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

REQUIRED = {
    **PASSWORDS,
    "RELAY_ADMIN_TOKEN": "for-tests-only-make-your-own",
    "RELAY_SECRET_KEYS": "Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE=",
    "RELAY_ALLOWED_SOURCES": "192.0.2.10/32",
}


@pytest.mark.parametrize("missing", [None, *REQUIRED])
def test_a_missing_variable_is_named(image: str, tmp_path: Path, missing: str | None) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    (tmp_path / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in REQUIRED.items() if name != missing)
    )
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    read = subprocess.run(
        ["docker-compose", "config"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert (missing is None) == (read.returncode == 0), read.stderr
    if missing:
        assert f'"{missing}"' in read.stderr or f"{missing}:" in read.stderr
        assert "set it in .env" in read.stderr


def test_nothing_is_published_beyond_this_machine(installation: Installation) -> None:
    published = {service: installation.published(service) for service in (*LONG_RUNNING, "proxy")}
    assert published.pop("proxy") == {("127.0.0.1", str(installation.proxy_port))}
    assert published.pop("operator") == {("127.0.0.1", str(installation.operator_port))}
    assert set().union(*published.values()) == set()


def test_a_receiver_holds_no_secret_that_it_does_not_need(installation: Installation) -> None:
    for service in ("receiver-1", "receiver-2"):
        environment = installation.compose("exec", "-T", service, "env")
        assert "RELAY_SECRET_KEYS=\n" in environment
        assert "RELAY_ADMIN_TOKEN=\n" in environment
        assert [PASSWORDS["RECEIVE_PASSWORD"]] == [
            value for value in PASSWORDS.values() if value in environment
        ]


def test_no_container_of_ours_can_write_outside_its_data_directory(
    installation: Installation,
) -> None:
    for service in ("receiver-1", "worker-1", "operator"):
        script = (
            "id -u; touch /var/lib/zeus-relay/.probe && rm /var/lib/zeus-relay/.probe; "
            "touch /tmp/probe || echo refused"
        )
        assert ["10001", "refused"] == installation.compose(
            "exec", "-T", service, "sh", "-c", script
        ).split()


@pytest.mark.parametrize(
    ("service", "variable"),
    [("receiver-1", "PUBLIC"), ("operator", "OPERATOR"), ("worker-1", "METRICS")],
)
def test_a_health_check_asks_the_listener_of_its_own_role(
    installation: Installation, service: str, variable: str
) -> None:
    assert installation.state(service)["Health"]["Status"] == "healthy"
    check = ("python", "-I", "-S", "/opt/zeus-relay/healthcheck.py")
    assert installation.run_compose("exec", "-T", service, *check).returncode == 0
    assert (
        installation.run_compose(
            "exec", "-T", "-e", f"RELAY_{variable}_PORT=9", service, *check
        ).returncode
        == 1
    )


def test_each_process_has_a_user_of_the_database_with_its_own_rights(
    installation: Installation,
) -> None:
    users = {
        "receiver-1": "receive",
        "receiver-2": "receive",
        "worker-1": "work",
        "worker-2": "work",
        "operator": "operate",
    }
    for service, process in users.items():
        url = installation.compose("exec", "-T", service, "printenv", "RELAY_DATABASE_URL")
        assert url.startswith(
            f"postgresql://relay_{process}:{PASSWORDS[f'{process.upper()}_PASSWORD']}@"
        ), service
    connected = {
        user
        for (user,) in installation.sql(
            "SELECT usename FROM pg_stat_activity WHERE application_name LIKE 'zeus-relay%'"
        )
    }
    assert (
        {"relay_work", "relay_operate"}
        <= connected
        <= {f"relay_{process}" for process in users.values()}
    )
    assert [["relay_migrate"]] == installation.sql(
        "SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'"
    )
    privileged = (
        "SELECT rolname FROM pg_roles WHERE (rolsuper OR rolcreaterole OR rolcreatedb "
        "OR rolbypassrls) AND rolname LIKE 'relay_%'"
    )
    assert [] == installation.sql(privileged)


def test_a_receiver_can_read_nothing_of_what_is_recorded(installation: Installation) -> None:
    program = (
        "import asyncio, os, asyncpg\n"
        "async def main():\n"
        "    c = await asyncpg.connect(os.environ['RELAY_DATABASE_URL'])\n"
        "    for table in ('notices', 'orders', 'events', 'subscriber_secrets', "
        "'operator_tokens', 'answers'):\n"
        "        try: await c.fetch(f'SELECT 1 FROM {table}')\n"
        "        except asyncpg.InsufficientPrivilegeError: print('refused')\n"
        "asyncio.run(main())\n"
    )
    assert ["refused"] * 6 == installation.compose(
        "exec", "-T", "receiver-1", "python", "-c", program
    ).split()


def test_no_container_can_gain_privileges(installation: Installation) -> None:
    for service in (*LONG_RUNNING, "proxy"):
        host = installation.inspected(service)["HostConfig"]
        assert ["ALL"] == host["CapDrop"], service
        assert "no-new-privileges:true" in host["SecurityOpt"], service
    # The server itself and the command line have none of what the start needed as root.
    assert (
        "0000000000000000"
        == installation.compose(
            "exec", "-T", "postgres", "sh", "-c", _CAPABILITIES_OF_SERVER
        ).strip()
    )


def test_doctor_finds_the_rights_of_each_process(installation: Installation) -> None:
    findings = {
        finding["subject"]: finding
        for finding in json.loads(installation.zeus_relay("doctor", "--json"))
    }
    assert "the database's user may operate, as its grants say" == findings["rights"]["message"]
    assert "ok" == findings["rights"]["level"]


_CAPABILITIES_OF_SERVER = """
for status in /proc/[0-9]*/status; do
  grep -q '^Name:.*postgres$' $status && sed -n 's/^CapEff:[[:space:]]*//p' $status
done | sort -u
"""


def test_images_from_outside_can_be_pinned_by_digest(image: str, tmp_path: Path) -> None:
    shutil.copy(ROOT / "docker-compose.yml", tmp_path)
    pinned = {
        name: f"example/{name.lower()}@sha256:{'0' * 64}"
        for name in ("POSTGRES_IMAGE", "CADDY_IMAGE", "PYTHON_IMAGE")
    }
    (tmp_path / ".env").write_text(
        "".join(f"{name}={value}\n" for name, value in (REQUIRED | pinned).items())
    )
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    read = subprocess.run(
        ["docker-compose", "config"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    found = re.findall(r"(?:image|PYTHON_IMAGE): (\S+)", read.stdout)
    assert {*pinned.values(), "zeus-relay"} == set(found)
