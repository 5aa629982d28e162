"""Simulator profile of the compose file, as docker-compose reads it."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VALUES = {
    **{
        f"{role}_PASSWORD": "fortestsonly"
        for role in ("POSTGRES", "MIGRATE", "RECEIVE", "WORK", "OPERATE")
    },
    "RELAY_ADMIN_TOKEN": "for-tests-only-make-your-own",
    "RELAY_SECRET_KEYS": "Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE=",
    "RELAY_ALLOWED_SOURCES": "172.30.73.11/32",
}
pytestmark = pytest.mark.skipif(
    shutil.which("docker-compose") is None, reason="needs docker-compose"
)


def services(directory: Path, *options: str) -> str:
    shutil.copy(ROOT / "docker-compose.yml", directory)
    (directory / ".env").write_text("".join(f"{name}={value}\n" for name, value in VALUES.items()))
    clean = {name: os.environ[name] for name in ("PATH", "HOME") if name in os.environ}
    read = subprocess.run(
        ["docker-compose", *options, "config"],
        cwd=directory,
        env=clean,
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert read.returncode == 0, read.stderr
    return read.stdout


def test_the_simulator_gets_no_secret_and_is_published_to_this_machine_alone(
    tmp_path: Path,
) -> None:
    described = services(tmp_path, "--profile", "simulator")
    own = described.partition("  simulator:\n")[2]
    own = own[: own.index("\n  worker-1:")]

    assert "RELAY_" not in own
    assert "fortestsonly" not in own
    assert "SIMULATOR_CALL_URL: http://receiver-1:8000/zeus/notify" in own
    assert "127.0.0.1:8002:8002" in own or (
        "host_ip: 127.0.0.1" in own and "published: 8002" in own
    )
    assert "ipv4_address: 172.30.73.11" in own
