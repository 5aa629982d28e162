"""systemd units: valid, sandboxed, and without keys for receivers."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from app.main.role_commands import ROLES
from tests.docs.pages import page
from tools.docs.generate import ROOT

UNITS = sorted((ROOT / "deploy/systemd").iterdir())
NEEDED = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@NEEDED
def test_systemd_accepts_every_unit(tmp_path: Path) -> None:
    for unit in UNITS:  # the program and the user are on the machine of the reader
        text = (
            unit.read_text()
            .replace("/opt/zeus-relay/.venv/bin/zeus-relay", "/bin/true")
            .replace("=relay\n", "=daemon\n")
        )
        (tmp_path / unit.name).write_text(text)
    files = [str(tmp_path / unit.name) for unit in UNITS]
    done = subprocess.run(
        ["systemd-analyze", "verify", *files], capture_output=True, text=True, timeout=60
    )
    complaints = [
        line for line in done.stderr.splitlines() if "zeus-relay" in line or str(tmp_path) in line
    ]
    assert complaints == []


@NEEDED
@pytest.mark.parametrize(
    "unit", [unit for unit in UNITS if unit.suffix == ".service"], ids=lambda unit: unit.name
)
def test_units_are_sandboxed(unit: Path, tmp_path: Path) -> None:
    copy = tmp_path / unit.name.replace("@", "@1")
    copy.write_text(unit.read_text())
    command = ["systemd-analyze", "security", "--offline=yes", "--threshold=20", str(copy)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout[-500:]


def test_receivers_get_no_secrets() -> None:
    with_secrets = {
        unit.name
        for unit in UNITS
        if "secrets.env" in re.sub(r"^#.*$", "", unit.read_text(), flags=re.MULTILINE)
    }
    assert with_secrets == {
        "zeus-relay-work@.service",
        "zeus-relay-operate.service",
        "zeus-relay-migrate.service",
    }


def test_every_unit_runs_a_command_that_exists() -> None:
    runs = {
        match
        for unit in UNITS
        for match in re.findall(
            r"^ExecStart=\S+ (\w+)(?: \$MIGRATE_OPTIONS)?$", unit.read_text(), re.MULTILINE
        )
    }
    assert runs == {role.__name__ for role in ROLES if role.__name__ not in ("up", "demo")} | {
        "migrate"
    }


@pytest.mark.parametrize(
    "name", ["docs/how-to/deploy-with-systemd.md", "docs/how-to/deploy-with-systemd.ja.md"]
)
def test_the_page_names_every_unit(name: str) -> None:
    assert all(re.sub(r"@?\.service$", "", unit.name) in page(name) for unit in UNITS)
