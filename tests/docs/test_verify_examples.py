"""Examples of the page about verifying webhooks, run unchanged: only signed webhooks pass."""

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import pytest

from app.events.payload import body
from app.events.signature import new_private_key, new_secret, public_key_of, signed_headers
from bench.ports import free_port
from tests.docs.pages import code_block, page
from tools.docs.generate import ROOT

EVENT = body(
    "payment.received",
    datetime.now(UTC),
    '{"order_no":"1234-56789-01234","money":5400,"store":{"name":"セブン-イレブン"}}',
)
PATIENCE_SECONDS = 20.0


def python(directory: Path, code: str, port: int) -> list[str]:
    (directory / "receive.py").write_text(code)
    return [sys.executable, "receive.py"]


def javascript(directory: Path, code: str, port: int) -> list[str]:
    if shutil.which("npm") is None:
        pytest.skip("needs node and npm")
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(ROOT / "tests/javascript" / name, directory)
    subprocess.run(
        ["npm", "ci", "--silent", "--no-audit", "--no-fund"], cwd=directory, check=True, timeout=100
    )
    (directory / "receive.mjs").write_text(code)
    return ["node", "receive.mjs"]


def php(directory: Path, code: str, port: int) -> list[str]:
    if shutil.which("php") is None:
        pytest.skip("needs php")
    (directory / "receive.php").write_text(code)
    return ["php", "-S", f"127.0.0.1:{port}", "receive.php"]


@contextmanager
def running(
    directory: Path, name: str, prepare: Callable[[Path, str, int], list[str]], secret: str
) -> Iterator[int]:
    """Run a page's example as a process; yield its port."""
    port = free_port()
    command = prepare(directory, code_block(page(name), prepare.__name__), port)
    environment = {**os.environ, "WEBHOOK_SECRET": secret, "PORT": str(port)}
    process = subprocess.Popen(
        command,
        cwd=directory,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        wait_for(port, process)
        yield port
    finally:
        process.kill()
        process.wait()


def wait_for(port: int, process: subprocess.Popen[bytes]) -> None:
    ends = time.monotonic() + PATIENCE_SECONDS
    while time.monotonic() < ends and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise AssertionError("the example does not listen")


def post(port: int, headers: Mapping[str, str], sent: bytes) -> int:
    connection = HTTPConnection("127.0.0.1", port, timeout=10)
    try:
        connection.request("POST", "/hooks", sent, {**headers, "content-type": "application/json"})
        return connection.getresponse().status
    finally:
        connection.close()


@pytest.mark.parametrize(
    "name", ["docs/how-to/verify-webhooks.md", "docs/how-to/verify-webhooks.ja.md"]
)
@pytest.mark.parametrize("language", [python, javascript, php])
def test_the_example_accepts_only_signed_webhooks(
    tmp_path: Path, name: str, language: Callable[[Path, str, int], list[str]]
) -> None:
    secret, another = new_secret(), new_secret()
    now = datetime.now(UTC)
    signed = signed_headers("msg-1", now, EVENT, [secret])
    with running(tmp_path, name, language, secret) as port:
        assert post(port, signed, EVENT) == 204
        assert post(port, signed_headers("msg-1", now, EVENT, [another, secret]), EVENT) == 204, (
            "during a rotation"
        )
        assert post(port, signed, EVENT.replace(b"5400", b"5401")) == 401, "a changed body"
        assert post(port, {**signed, "webhook-id": "msg-2"}, EVENT) == 401, "a changed id"
        assert post(port, signed_headers("msg-1", now, EVENT, [another]), EVENT) == 401, (
            "another's signature"
        )
        assert (
            post(port, signed_headers("msg-1", now - timedelta(minutes=6), EVENT, [secret]), EVENT)
            == 401
        ), "too old"
        assert (
            post(port, signed_headers("msg-1", now + timedelta(minutes=6), EVENT, [secret]), EVENT)
            == 401
        ), "from the future"
        assert post(port, {**signed, "webhook-signature": "v1,!"}, EVENT) == 401, (
            "no signature at all"
        )
        assert post(port, {}, EVENT) == 401, "no headers"
        assert post(port, signed, EVENT) == 204, "still alive"


@pytest.mark.parametrize(
    "name", ["docs/how-to/verify-webhooks.md", "docs/how-to/verify-webhooks.ja.md"]
)
def test_the_key_pair_example_accepts_only_signed_webhooks(name: str) -> None:
    example: dict[str, Any] = {}
    exec(code_block(page(name).split("## Ed25519\n")[1], "python"), example)  # noqa: S102  (our own page)
    is_signed, key, another = example["is_signed"], new_private_key(), new_private_key()
    public, now = str(public_key_of(key)), datetime.now(UTC)
    assert public.startswith("whpk_")
    signed = signed_headers("msg-1", now, EVENT, [key])
    assert is_signed(public, signed, EVENT)
    assert is_signed(
        public, signed_headers("msg-1", now, EVENT, [new_secret(), another, key]), EVENT
    ), "during a rotation"
    assert not is_signed(public, signed, EVENT.replace(b"5400", b"5401"))
    assert not is_signed(public, {**signed, "webhook-id": "msg-2"}, EVENT)
    assert not is_signed(public, signed_headers("msg-1", now, EVENT, [another]), EVENT)
    assert not is_signed(public, signed_headers("msg-1", now, EVENT, [new_secret()]), EVENT), (
        "another kind of signature"
    )
    assert not is_signed(public, {**signed, "webhook-signature": "v1a,abc"}, EVENT), "no base64"


def test_both_languages_of_the_page_show_the_same_programs() -> None:
    def without_texts(name: str, language: str) -> list[str]:
        lines = code_block(page(name), language).splitlines()
        return [
            line
            for line in lines
            if not any(mark in line for mark in ("#", "//", "/**", "throw new"))
        ]

    for language in ("python", "javascript", "php"):
        english, japanese = (
            without_texts(f"docs/how-to/verify-webhooks{suffix}.md", language)
            for suffix in ("", ".ja")
        )
        assert english == japanese
