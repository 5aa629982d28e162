"""Release check: build sdist and wheel, install the wheel elsewhere, run the service there.

`make release-check` runs it. The wheel is built from the unpacked sdist, so a file that the sdist
lacks is noticed. Needs the developers' environment and the package index that pip is set up for.
"""

import json
import os
import signal
import subprocess
import sys
import tarfile
import time
import tomllib
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import urlopen

ROOT = Path(__file__).resolve().parents[1]
START_SECONDS = 120.0


def main() -> None:
    """Check the release of this checkout.

    Raises:
        subprocess.CalledProcessError: a step failed.
        AssertionError: the changelog, the version or the installed service is not as expected.
    """
    version = _version()
    assert f"\n## {version} - 20" in (ROOT / "CHANGELOG.md").read_text(), (
        f"CHANGELOG.md has no dated section for {version}"
    )
    with TemporaryDirectory(prefix="zeus-relay-release-") as directory:
        work = Path(directory)
        wheel = _build(work, version)
        program = _install(work, wheel)
        _check_version(program, work, version)
        _check_up(program, work)
    print(f"zeus-relay {version} can be released")


def _version() -> str:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return str(project["version"])


def _run(*command: str | Path, cwd: Path) -> str:
    done = subprocess.run(command, cwd=cwd, env=_environment(), check=True, stdout=subprocess.PIPE)
    return done.stdout.decode()


def _environment() -> dict[str, str]:
    """Return this process's environment without settings and paths of the checkout."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("RELAY_") and name not in ("PYTHONPATH", "VIRTUAL_ENV")
    }


def _build(work: Path, version: str) -> Path:
    """Build the sdist, unpack it, build the wheel from it, and return the wheel."""
    _run(sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", work, cwd=ROOT)
    with tarfile.open(work / f"zeus_relay-{version}.tar.gz") as archive:
        archive.extractall(work / "source", filter="data")
    source = work / "source" / f"zeus_relay-{version}"
    _run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", work, cwd=source)
    return work / f"zeus_relay-{version}-py3-none-any.whl"


def _install(work: Path, wheel: Path) -> Path:
    """Install the wheel and its locked requirements into an empty environment."""
    environment = work / "environment"
    _run(sys.executable, "-m", "venv", environment, cwd=work)
    pip = (environment / "bin" / "python", "-m", "pip", "install", "--quiet")
    _run(*pip, "--require-hashes", "-r", ROOT / "requirements" / "run.txt", cwd=work)
    _run(*pip, "--no-deps", wheel, cwd=work)
    return environment / "bin" / "zeus-relay"


def _check_version(program: Path, work: Path, version: str) -> None:
    printed = _run(program, "--version", cwd=work).strip()
    assert version in printed, f"zeus-relay --version prints {printed}"


def _check_up(program: Path, work: Path) -> None:
    """Run `zeus-relay up` in an empty folder until it is ready, then stop it."""
    home = work / "home"
    home.mkdir()
    settings = {"RELAY_PUBLIC_PORT": "0", "RELAY_OPERATOR_PORT": "0", "RELAY_LOG_FORMAT": "json"}
    log = home / "log"
    with log.open("wb") as output:
        service = subprocess.Popen(
            [program, "up"], cwd=home, env=_environment() | settings, stdout=output, stderr=output
        )
    try:
        address = _listening(service, log)
        with urlopen(f"http://{address}/readyz", timeout=10) as answer:
            assert answer.status == 200, f"/readyz answers {answer.status}"
    finally:
        service.send_signal(signal.SIGTERM)
        code = service.wait(60)
    assert code == 0, f"zeus-relay up ended with {code}:\n{log.read_text()}"


def _listening(service: "subprocess.Popen[bytes]", log: Path) -> str:
    """Return the address of the operator's listener, as soon as the worker works too."""
    deadline = time.monotonic() + START_SECONDS
    while time.monotonic() < deadline:
        assert service.poll() is None, f"zeus-relay up ended:\n{log.read_text()}"
        events = [json.loads(line) for line in _lines(log)]
        names = [event.get("event") for event in events]
        if names.count("listening") >= 2 and "working" in names:
            return next(str(event["address"]) for event in events if _is_operator(event))
        time.sleep(0.2)
    raise AssertionError(f"zeus-relay up did not start in time:\n{log.read_text()}")


def _lines(log: Path) -> Sequence[str]:
    return [line for line in log.read_text().splitlines() if line.startswith("{")]


def _is_operator(event: dict[str, object]) -> bool:
    return event.get("event") == "listening" and event.get("role") == "operator"


if __name__ == "__main__":
    main()
