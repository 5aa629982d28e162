"""`python -m bench [CASE …]`: run cases, print figures, baselines and requirements."""

import argparse
import asyncio
import os
import platform
import signal
import sys
import time
import traceback
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from app.logs import configure_logs
from bench.cases import BY_NAME_ONLY, CASES
from bench.database import Database
from bench.figures import Figure, as_json, table
from bench.plan import QUICK, Bench, Effort


def main() -> int:
    """Run the cases of the command line. Return 1 if a requirement is missed or a case fails."""
    arguments = _parser().parse_args()
    configure_logs("WARNING", "text")
    chosen = Effort(
        rounds=arguments.rounds,
        seconds=arguments.seconds,
        calm_s=arguments.calm,
        size=arguments.size,
        calls=arguments.calls,
    )
    effort = QUICK if arguments.quick else chosen
    started = time.monotonic()
    with TemporaryDirectory(prefix="zeus-relay-bench-", ignore_cleanup_errors=True) as directory:
        about = _about(Path(directory))
        print(", ".join(f"{name} {value}" for name, value in about.items()), flush=True)
        figures, failed = asyncio.run(_run(arguments.cases or list(CASES), effort, Path(directory)))
    about["seconds"] = round(time.monotonic() - started)
    print("\n" + table(figures, judged=not arguments.quick))
    if failed:
        print(f"not measured: {', '.join(failed)}")
    if arguments.json:
        arguments.json.write_text(as_json(figures, {**about, "failed": failed}))
    return int(bool(failed) or not (arguments.quick or all(figure.holds for figure in figures)))


async def _run(names: list[str], effort: Effort, directory: Path) -> tuple[list[Figure], list[str]]:
    """Return the figures of all cases that could be measured, and the names of the others.

    SIGTERM ends the run as Ctrl-C does.
    """
    task = asyncio.current_task()
    assert task is not None
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    database = Database(directory)
    try:
        await database.prepare()
        return await _measure(
            names, Bench(effort, database, directory, say=lambda text: print(text, flush=True))
        )
    finally:
        database.close()


async def _measure(names: list[str], bench: Bench) -> tuple[list[Figure], list[str]]:
    figures: list[Figure] = []
    failed: list[str] = []
    for name in names:
        bench.say(f"{name}:")
        try:
            figures += await (CASES | BY_NAME_ONLY)[name](bench)
        except Exception:
            traceback.print_exc()
            failed.append(name)
    return figures, failed


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m bench", description="Speed and memory, side by side with baselines."
    )
    names = [*CASES, *BY_NAME_ONLY]
    by_name = ", ".join(BY_NAME_ONLY) or "none"
    parser.add_argument(
        "cases",
        nargs="*",
        choices=[[], *names],
        metavar="CASE",
        help=f"of {', '.join(names)}; default all but {by_name}",
    )
    parser.add_argument(
        "--rounds",
        type=int,
        default=Effort().rounds,
        help="of each side of a comparison (default %(default)s)",
    )
    parser.add_argument(
        "--seconds",
        type=float,
        default=Effort().seconds,
        help="of load in each round (default %(default)s)",
    )
    parser.add_argument(
        "--calm",
        type=float,
        default=0,
        metavar="SECONDS",
        help="wait so long before each round for other work to end",
    )
    parser.add_argument(
        "--size",
        type=int,
        default=Effort().size,
        help="how many notices at-size, and how many orders timers makes (default %(default)s)",
    )
    parser.add_argument(
        "--calls",
        type=int,
        default=Effort().calls,
        help="how many calls old-snapshot makes (default %(default)s)",
    )
    parser.add_argument(
        "--quick",
        action="store_true",
        help="a tiny run that shows that the bench works; no verdicts",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="also write everything to FILE")
    return parser


def _about(directory: Path) -> dict[str, object]:
    """Return what a reader of the figures must know about the run."""
    return {
        "date": f"{datetime.now(UTC):%Y-%m-%d}",
        "cores": os.cpu_count(),
        "load": round(os.getloadavg()[0], 1),
        "python": platform.python_version(),
        "fdatasync_ms": round(_sync_ms(directory), 2),
    }


def _sync_ms(directory: Path) -> float:
    """Return the time to make 512 bytes durable. Next to nothing means that the disk does not."""
    with (directory / "sync").open("wb", buffering=0) as file:
        started = time.perf_counter()
        for _ in range(100):
            file.write(bytes(512))
            os.fdatasync(file.fileno()) if hasattr(os, "fdatasync") else os.fsync(file.fileno())
        return (time.perf_counter() - started) * 10


if __name__ == "__main__":
    sys.exit(main())
