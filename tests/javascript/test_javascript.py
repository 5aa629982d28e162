"""Our signatures and the official JavaScript library: it accepts ours and rejects all others."""

import json
import os
import shutil
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from app.events.payload import body
from app.events.signature import new_private_key, new_secret, public_key_of, signed_headers

HERE = Path(__file__).parent
EVENT = body(
    "payment.received",
    datetime.now(UTC),
    '{"order_no":"1234-56789-01234","name":"コンビニ　タロウ"}',
)

pytestmark = pytest.mark.skipif(
    shutil.which("npm") is None and "CI" not in os.environ,
    reason="needs node and npm; .ci/run installs them",
)


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Install the locked library in a directory."""
    directory = tmp_path_factory.mktemp("javascript")
    for name in ("package.json", "package-lock.json", ".npmrc", "verify.mjs"):
        shutil.copy(HERE / name, directory)
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=directory, check=True, timeout=100
    )
    return directory


def verify(
    library: Path, secret: str, headers: dict[str, str], sent: bytes
) -> subprocess.CompletedProcess[str]:
    given = json.dumps({"secret": secret, "headers": headers, "body": sent.decode()})
    return subprocess.run(
        ["node", "verify.mjs"], input=given, cwd=library, text=True, capture_output=True, timeout=30
    )


def test_a_signed_webhook_is_accepted(library: Path) -> None:
    secret = new_secret()
    headers = signed_headers("msg-1", datetime.now(UTC), EVENT, [secret])
    assert verify(library, secret, headers, EVENT).stdout == "payment.received\n"


def test_during_a_rotation_either_secret_verifies(library: Path) -> None:
    new, old = new_secret(), new_secret()
    headers = signed_headers("msg-1", datetime.now(UTC), EVENT, [new, old])
    assert verify(library, new, headers, EVENT).returncode == 0
    assert verify(library, old, headers, EVENT).returncode == 0
    after = signed_headers("msg-1", datetime.now(UTC), EVENT, [new])
    assert verify(library, new, after, EVENT).returncode == 0
    assert verify(library, old, after, EVENT).returncode == 1


def test_a_changed_late_or_foreign_webhook_is_rejected(library: Path) -> None:
    secret = new_secret()
    now = datetime.now(UTC)
    headers = signed_headers("msg-1", now, EVENT, [secret])
    assert verify(library, secret, headers, EVENT.replace(b"1234-", b"1235-")).returncode == 1
    assert verify(library, secret, {**headers, "webhook-id": "msg-2"}, EVENT).returncode == 1
    assert verify(library, new_secret(), headers, EVENT).returncode == 1
    late = signed_headers("msg-1", now - timedelta(minutes=6), EVENT, [secret])
    assert verify(library, secret, late, EVENT).returncode == 1


def verify_asymmetric(
    public_key: str | None, headers: dict[str, str], sent: bytes
) -> subprocess.CompletedProcess[str]:
    given = json.dumps({"publicKey": public_key, "headers": headers, "body": sent.decode()})
    return subprocess.run(
        ["node", HERE / "verify-asymmetric.mjs"],
        input=given,
        text=True,
        capture_output=True,
        timeout=30,
    )


def test_a_public_key_verifies_with_nodes_own_crypto_and_rejects_changes() -> None:
    private, now = new_private_key(), datetime.now(UTC)
    public = public_key_of(private)
    headers = signed_headers("msg-1", now, EVENT, [new_secret(), private])
    assert verify_asymmetric(public, headers, EVENT).stdout == "payment.received\n"
    assert verify_asymmetric(public, headers, EVENT.replace(b"1234-", b"1235-")).returncode == 1
    assert verify_asymmetric(public, {**headers, "webhook-id": "msg-2"}, EVENT).returncode == 1
    assert verify_asymmetric(public_key_of(new_private_key()), headers, EVENT).returncode == 1
    late = signed_headers("msg-1", now - timedelta(minutes=6), EVENT, [private])
    assert verify_asymmetric(public, late, EVENT).returncode == 1


def test_the_library_ignores_an_asymmetric_signature_beside_its_own(library: Path) -> None:
    secret, private = new_secret(), new_private_key()
    headers = signed_headers("msg-1", datetime.now(UTC), EVENT, [private, secret])
    assert verify(library, secret, headers, EVENT).stdout == "payment.received\n"
    assert verify(library, new_secret(), headers, EVENT).returncode == 1
