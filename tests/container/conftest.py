"""Fixtures of image and compose file: built and started on a real Docker engine.

Run them alone (`pytest tests/container`). Under several test processes every test here is skipped:
the tests share one installation with fixed networks, and measure times.
"""

import os
import secrets
import shutil
import subprocess
from collections.abc import Iterator

import pytest

from tests.container.installation import IMAGE, ROOT, Installation

BASE_IMAGES = ("python:3.13-slim", "postgres:17", "caddy:2")


def _reason_to_skip() -> str | None:
    if "PYTEST_XDIST_WORKER" in os.environ:
        return "containers are tested alone: pytest tests/container"
    for program in ("docker", "docker-compose"):
        if shutil.which(program) is None:
            return f"{program} is not installed"
    if subprocess.run(["docker", "info"], capture_output=True, timeout=20).returncode:
        return "no Docker engine is running"
    for image in BASE_IMAGES:
        if subprocess.run(
            ["docker", "image", "inspect", image], capture_output=True, timeout=20
        ).returncode:
            return f"the base image {image} is not on this machine"
    return None


@pytest.fixture(scope="session")
def image() -> str:
    """Build the image from this work tree."""
    reason = _reason_to_skip()
    if reason:
        pytest.skip(reason)
    environment = {**os.environ, "DOCKER_BUILDKIT": "0"}  # the builder that every engine has
    command = ["docker", "build", "--quiet", "--network", "host", "--tag", IMAGE, str(ROOT)]
    built = subprocess.run(command, capture_output=True, text=True, env=environment, timeout=900)
    assert built.returncode == 0, built.stdout + built.stderr
    return IMAGE


@pytest.fixture(scope="session")
def installation(image: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Installation]:
    """Start the whole compose file with a merchant's system, and remove it at the end."""
    started = Installation(
        tmp_path_factory.mktemp("installation"),
        image,
        project=f"zeusrelaytest{secrets.token_hex(3)}",
    )
    try:
        started.start()
        yield started
    finally:
        started.remove()
