"""`python -m tests.chaos [LINE …]`: run the lines one after the other and print the table.

The exit code is 1 if a line fails.
"""

import argparse
import asyncio
import shutil
import signal
import sys
from pathlib import Path
from tempfile import mkdtemp

from tests.chaos.lines import LINES
from tests.chaos.plan import FULL, SHORT, Effort
from tests.chaos.postgres import make_template
from tests.chaos.run import run_line
from tests.chaos.table import head, text_of

_INTERRUPTED = 130


def main() -> int:
    """Run the lines of the command line."""
    arguments = _parser().parse_args()
    if arguments.list:
        print("\n".join(f"{line.name:<18}{line.outage}" for line in LINES.values()))
        return 0
    effort = SHORT if arguments.short else FULL
    directory = Path(mkdtemp(prefix="zeus-relay-chaos-"))
    directory.chmod(0o755)
    print(
        f"{effort.rate} calls a second for at least {effort.seconds:.0f} s, "
        f"outages of {effort.outage_s:.0f} s\n\n{head()}",
        flush=True,
    )
    try:
        return asyncio.run(_run(arguments.lines or list(LINES), effort, directory))
    except (asyncio.CancelledError, KeyboardInterrupt):
        shutil.rmtree(directory, ignore_errors=True)
        return _INTERRUPTED


async def _run(names: list[str], effort: Effort, directory: Path) -> int:
    task = asyncio.current_task()
    assert task
    # However the run ends, no server, network or disk is left behind.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    template = await make_template(directory)
    failed = []
    for name in names:
        row = await run_line(LINES[name], effort, template, directory / name)
        print(text_of(row), flush=True)
        if row.problems:
            failed.append(name)
    if failed:
        print(f"\nfailed: {' '.join(failed)}; what the processes logged is in {directory}")
        return 1
    shutil.rmtree(directory, ignore_errors=True)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Outages under load, and what became of the calls.",
    )
    parser.add_argument(
        "lines",
        nargs="*",
        choices=[[], *LINES],
        metavar="LINE",
        help="which lines to run; default all of them",
    )
    parser.add_argument(
        "--short", action="store_true", help="a few seconds for each line, with fewer calls"
    )
    parser.add_argument("--list", action="store_true", help="list the lines")
    return parser


if __name__ == "__main__":
    sys.exit(main())
