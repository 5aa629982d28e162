"""Audit of the locked requirements: it fails for findings, not for an unreachable database."""

import json
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PROGRAM = ROOT / ".venv" / "audit" / "bin" / "python"
pytestmark = pytest.mark.skipif(not PROGRAM.exists(), reason="`make audit` installs pip-audit")

HASH = "0" * 64
FINDING: dict[str, object] = {
    "id": "EXAMPLE-1",
    "summary": "An example.",
    "details": "An example.",
    "affected": [
        {
            "package": {"name": "example-package", "ecosystem": "PyPI"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1.1"}]}],
            "versions": ["1.0"],
        }
    ],
    "published": "2026-01-01T00:00:00Z",
    "modified": "2026-01-01T00:00:00Z",
}


@contextmanager
def database_of(vulnerabilities: dict[str, list[dict[str, object]]]) -> Iterator[str]:
    """Yield the URL of a local OSV server that knows `vulnerabilities`, by package."""

    class Answer(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            found = vulnerabilities.get(asked["package"]["name"], [])
            body = json.dumps({"vulns": found} if found else {}).encode()
            self.send_response(200)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Log nothing."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answer)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1/query"
    finally:
        server.shutdown()
        server.server_close()


def audit(*arguments: str) -> tuple[int, str]:
    """Run the audit; return its exit code and its output."""
    done = subprocess.run(
        [PROGRAM, ROOT / ".ci" / "audit.py", *arguments],
        capture_output=True,
        text=True,
        timeout=110,
    )
    return done.returncode, done.stderr


@pytest.fixture
def requirements(tmp_path: Path) -> str:
    """Return a requirements file in the form of `make lock`."""
    file = tmp_path / "example.txt"
    file.write_text(f"example-package==1.0 \\\n    --hash=sha256:{HASH}\n")
    return str(file)


def test_a_finding_fails(requirements: str) -> None:
    with database_of({"example-package": [FINDING]}) as url:
        code, output = audit(f"--osv-url={url}", requirements)
    assert 1 == code
    assert "example-package 1.0: EXAMPLE-1, fixed in 1.1" in output


def test_no_finding_passes(requirements: str) -> None:
    with database_of({}) as url:
        assert 0 == audit(f"--osv-url={url}", requirements)[0]


@pytest.mark.parametrize(("strict", "code"), [((), 0), (("--strict",), 2)])
def test_an_unreachable_database_fails_only_if_strict(
    requirements: str, strict: tuple[str, ...], code: int
) -> None:
    ended, output = audit("--osv-url=http://127.0.0.1:1/v1/query", *strict, requirements)
    assert code == ended
    assert "cannot be reached, so NOTHING was audited" in output


def test_a_file_without_hashes_fails(tmp_path: Path) -> None:
    (tmp_path / "loose.txt").write_text("example-package==1.0\n")
    assert 1 == audit("--osv-url=http://127.0.0.1:1/v1/query", str(tmp_path / "loose.txt"))[0]


@pytest.mark.parametrize(
    "file", sorted(path.name for path in (ROOT / "requirements").glob("*.txt"))
)
def test_every_locked_file_can_be_audited(file: str) -> None:
    with database_of({}) as url:
        code, output = audit(f"--osv-url={url}", str(ROOT / "requirements" / file))
    assert 0 == code, output
