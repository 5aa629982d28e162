"""The console script imports no more than its command needs."""

import subprocess
import sys

import typer

from app.cli import NAMES, command_line

PROGRAM = """
import sys
from app.main.console_script import run
sys.argv = ["zeus-relay", "mails", "import", "--help"]
try:
    run()
except SystemExit:
    pass
print(sorted(name for name in sys.modules if name.startswith("app.cli.commands.")))
"""


def test_a_command_imports_its_own_group_alone() -> None:
    printed = subprocess.run(
        [sys.executable, "-c", PROGRAM], capture_output=True, text=True, check=True, timeout=60
    ).stdout
    assert "mbox" in printed
    assert "['app.cli.commands.sources', 'app.cli.commands.sources.mails']" in printed


def test_every_command_is_found_by_its_name() -> None:
    every = typer.main.get_command(command_line())
    assert NAMES == set(getattr(every, "commands", {}))
    for name in NAMES:
        one = typer.main.get_command(command_line(name))
        assert name in (one.name, *getattr(one, "commands", {}))
