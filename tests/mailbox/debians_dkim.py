"""Debian's dkimpy in a process of its own: signs and verifies beside our own code."""

import base64
import json
import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

DEBIANS_PYTHON = "/usr/bin/python3"
_PROGRAM = """
import base64, json, sys
import dkim
for line in sys.stdin:
    asked = json.loads(line)
    raw = base64.b64decode(asked["raw"])
    keys = asked.get("keys", {})
    def record(name, timeout=5):
        found = keys.get(name.decode().rstrip("."))
        return found.encode() if found else None
    try:
        if asked["do"] == "sign":
            answer = dkim.sign(raw, b"test", asked["domain"].encode(), asked["key"].encode(),
                canonicalize=tuple(form.encode() for form in asked["forms"]),
                include_headers=[b"from", b"subject", b"date"]).decode()
        elif asked["do"] == "seal":
            answer = b"".join(dkim.arc_sign(raw, b"test", asked["domain"].encode(),
                asked["key"].encode(), asked["server"].encode(),
                include_headers=[b"from", b"subject", b"date"])).decode()
        elif asked["do"] == "verify":
            answer = dkim.verify(raw, dnsfunc=record)
        else:
            answer = dkim.arc_verify(raw, dnsfunc=record)[0].decode()
    except Exception as error:
        answer = "error " + repr(error)
    print(json.dumps(answer), flush=True)
"""


def can_run() -> bool:
    """Tell whether Debian's python3-dkim and python3-authres are installed."""
    command = [DEBIANS_PYTHON, "-c", "import dkim, authres"]
    return (
        Path(DEBIANS_PYTHON).exists()
        and subprocess.run(command, capture_output=True).returncode == 0
    )


class DebiansDkim:
    """Answers one question after the other."""

    def __init__(self, process: "subprocess.Popen[str]") -> None:
        self._process = process

    def sign(
        self, raw: bytes, domain: str, key: str, forms: tuple[str, str] = ("relaxed", "relaxed")
    ) -> bytes:
        """Return the message with a DKIM-Signature."""
        return self._field(raw, do="sign", domain=domain, key=key, forms=forms) + raw

    def seal(self, raw: bytes, domain: str, key: str, server: str) -> bytes:
        """Return the message with an ARC set, for the Authentication-Results of `server`."""
        return self._field(raw, do="seal", domain=domain, key=key, server=server) + raw

    def verifies(self, raw: bytes, keys: Mapping[str, str]) -> bool:
        """Return what it thinks of the first DKIM-Signature."""
        return self._ask(raw, do="verify", keys=dict(keys)) is True

    def verifies_chain(self, raw: bytes, keys: Mapping[str, str]) -> bool:
        """Return what it thinks of the ARC chain."""
        return bool(self._ask(raw, do="chain", keys=dict(keys)) == "pass")

    def _field(self, raw: bytes, **asked: Any) -> bytes:
        answer = self._ask(raw, **asked)
        assert isinstance(answer, str), answer
        assert not answer.startswith("error "), answer
        return answer.encode()

    def _ask(self, raw: bytes, **asked: Any) -> Any:
        assert self._process.stdin
        assert self._process.stdout
        asked["raw"] = base64.b64encode(raw).decode()
        self._process.stdin.write(json.dumps(asked) + "\n")
        self._process.stdin.flush()
        return json.loads(self._process.stdout.readline())


@contextmanager
def debians_dkim() -> Iterator[DebiansDkim]:
    """Run it within this block."""
    command = [DEBIANS_PYTHON, "-u", "-c", _PROGRAM]
    pipe = subprocess.PIPE
    with subprocess.Popen(
        command, stdin=pipe, stdout=pipe, stderr=subprocess.DEVNULL, text=True
    ) as process:
        yield DebiansDkim(process)
        process.kill()
