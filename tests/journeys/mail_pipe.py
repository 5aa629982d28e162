"""OpenSMTPD that hands each mail to the relay, by the commands that our documentation tells."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from shlex import quote
from tempfile import TemporaryDirectory

from tests.docs.pages import blocks, page
from tests.processes import PROGRAM, environment
from tests.simulator.mails.smtp_server import USER, RunningServer, running_server
from tools.docs.generate import ROOT

RECIPIENT = "zeus-mails@shop.example"
_SCRIPT, _HEADER = "/usr/local/bin/zeus-mail", "/etc/zeus-mail.header"
_URL, _COMMAND = "http://127.0.0.1:8001", "zeus-relay mails import - || exit 75"
_PAGE = "docs/how-to/use-mails.md"
_CLOSED = 0o001
"""Permission that the mail server's user lacks on a way."""


def _block(beginning: str) -> str:
    [found] = [text for _, text in blocks(page(_PAGE)) if text.startswith(beginning)]
    return found


def posting(directory: Path, url: str, token: str) -> Path:
    """Write the documented script that posts mails, and return its path."""
    header = directory / "zeus-mail.header"
    header.write_text(f"Authorization: Bearer {token}\n")
    text = _block("#!/bin/sh\ncurl")
    for documented, ours in ((_HEADER, str(header)), (_URL, url)):
        assert documented in text
        text = text.replace(documented, ours)
    return _program(directory, text)


def importing(directory: Path, settings: dict[str, str]) -> Path:
    """Write a script with the documented command in the place of curl, and return its path."""
    assert _COMMAND in page(_PAGE)
    names = sorted(set(environment(**settings)) - set(os.environ))
    exports = "\n".join(f"export {name}={quote(environment(**settings)[name])}" for name in names)
    command = _COMMAND.replace("zeus-relay", str(PROGRAM), 1)
    return _program(directory, f"#!/bin/sh\n{exports}\n{command}\n")


def _program(directory: Path, text: str) -> Path:
    script = directory / "zeus-mail"
    script.write_text(text)
    script.chmod(0o755)
    return script


@contextmanager
def open_directory() -> Iterator[Path]:
    """Yield a new directory that the mail server's user may enter; pytest's are closed."""
    with TemporaryDirectory(prefix="mail-pipe-") as name:
        directory = Path(name)
        directory.chmod(0o755)
        yield directory


@contextmanager
def piping_server(script: Path) -> Iterator[RunningServer]:
    """Run OpenSMTPD with the documented rules within this block."""
    rules = _block("action ")
    for documented, ours in ((_SCRIPT, str(script)), (" = zeusmail ", f" = {USER} ")):
        assert documented in rules
        rules = rules.replace(documented, ours)
    assert RECIPIENT in rules
    with running_server(
        rules, script.parent, _opened(Path(sys.base_prefix), Path(sys.prefix), ROOT)
    ) as it:
        yield it


def _opened(*needed: Path) -> str:
    """Return shell code that opens the way to these directories in a namespace of mounts.

    Under /root, other users may run nothing: a directory of the same name with the needed ones
    alone takes its place.
    """
    closed = {
        parent
        for path in needed
        for parent in path.resolve().parents
        if not parent.stat().st_mode & _CLOSED
    }
    tops = {path for path in closed if not closed & set(path.parents)}
    kept = [path.resolve() for path in needed if tops & set(path.resolve().parents)]
    lines = []
    for number, path in enumerate(kept):
        lines += [f"mkdir -p /run/{number}", f"mount --bind {quote(str(path))} /run/{number}"]
    lines += [f"mount -t tmpfs -o mode=755 tmpfs {quote(str(path))}" for path in sorted(tops)]
    for number, path in enumerate(kept):
        lines += [f"mkdir -p {quote(str(path))}", f"mount --bind /run/{number} {quote(str(path))}"]
    return "\n".join(lines)
