"""What the compose file insists on before anything starts, and what it gives to whom."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.container.installation import LONG_RUNNING, ROOT, Installation

pytestmark = [pytest.mark.container, pytest.mark.timeout(600)]

REQUIRED = {
    "POSTGRES_PASSWORD": "fortestsonly",
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


def test_no_container_of_ours_can_write_outside_its_data_directory(
    installation: Installation,
) -> None:
    for service in ("receiver-1", "worker-1", "operator"):
        script = "id -u; touch /var/lib/zeus-relay/.probe && rm /var/lib/zeus-relay/.probe; touch /tmp/probe || echo refused"
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
