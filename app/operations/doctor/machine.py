"""Doctor checks of the machine: Postgres, clocks, spool, disk space, waiting connections."""

import os
import shutil
import stat
import tempfile
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from app.clock import CLOCK_TOLERANCE, now
from app.db.engine import Sessions
from app.operations.doctor.findings import Finding, error, ok, warning
from app.recording.spool.status import show_spool
from app.settings import Settings, variable_of

OLDEST_POSTGRES = 14
"""Oldest major version of Postgres that its community still supports."""
SKEW_SECONDS = 2.0
STALE_SECONDS = 300
LEAST_BACKLOG = 1_024
"""Connections that should be able to wait: three seconds of calls at 300 a second."""

_ASK = text("""
SELECT current_setting('server_version_num')::int / 10000 AS major,
  current_setting('fsync') AS fsync, current_setting('synchronous_commit') AS synchronous_commit,
  clock_timestamp() AS at
""")


def check_backlog(longest: int | None) -> list[Finding]:
    """Return a finding about the connections that may wait; `longest` is the system's limit."""
    if longest is None:
        return []
    if longest < LEAST_BACKLOG:
        remedy = f"set the sysctl net.core.somaxconn to {LEAST_BACKLOG} or more"
        message = f"only {longest} may wait for a busy receiver, and the next ones are dropped"
        return [warning("connections", message, remedy)]
    return [ok("connections", f"{longest} may wait for a busy receiver")]


async def check_postgres(sessions: Sessions) -> list[Finding]:
    """Return findings about the server's version, its durability, and its clock."""
    async with sessions() as session:
        # The first statement of a connection takes longer, which would look like a wrong clock.
        await session.execute(_ASK)
        before = now()
        found = (await session.execute(_ASK)).one()
    return [
        _version(found.major),
        _durability(found.fsync, found.synchronous_commit),
        compare_clocks(before, found.at, now()),
    ]


def _version(major: int) -> Finding:
    if major < OLDEST_POSTGRES:
        return warning(
            "Postgres",
            f"version {major} is no longer maintained",
            f"upgrade to {OLDEST_POSTGRES} or later",
        )
    return ok("Postgres", f"version {major}")


def _durability(fsync: str, synchronous_commit: str) -> Finding:
    if fsync == "off" or synchronous_commit == "off":
        setting = "fsync" if fsync == "off" else "synchronous_commit"
        return warning(
            "durability",
            f"{setting} is off: a power cut loses calls that were answered 200",
            f"set {setting} = on in Postgres",
        )
    return ok("durability", "answered calls survive a power cut")


def compare_clocks(before: datetime, at: datetime, after: datetime) -> Finding:
    """Return a finding from `at` of the database's clock, read between `before` and `after`."""
    skew = max((before - at).total_seconds(), (at - after).total_seconds())
    if skew > CLOCK_TOLERANCE.total_seconds():
        message = (
            f"this machine and the database are {skew:.0f} s apart: "
            "nothing is erased or pruned by age until they agree"
        )
        return error(
            "clock", message, "let chrony or systemd-timesyncd set the clocks of both machines"
        )
    if skew > SKEW_SECONDS:
        remedy = "let chrony or systemd-timesyncd set the clocks of both machines"
        return warning(
            "clock",
            f"this machine and the database are {skew:.0f} s apart: "
            "times of calls and attempts mislead",
            remedy,
        )
    return ok("clock", "this machine and the database agree")


def check_spool(settings: Settings) -> list[Finding]:
    """Return findings about the spool: writable, enough free space, and its content. Block."""
    directory = settings.spool_path
    existing = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    failure = _write(existing)
    if failure is not None:
        remedy = (
            "make it a directory of the receiver's user, on a local disk, "
            f"or set {variable_of('spool_dir')}"
        )
        return [error("spool", f"{existing} cannot be written to: {failure}", remedy)]
    return [
        _free_space(existing, settings),
        *(_content(directory) if existing == directory else ()),
    ]


def _write(directory: Path) -> str | None:
    """Return the reason why a file there cannot be made durable, or None."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"zeus-relay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as failure:
        return failure.strerror or type(failure).__name__
    return None


def _free_space(directory: Path, settings: Settings) -> Finding:
    free = shutil.disk_usage(directory).free
    wanted = settings.spool_limit
    if free < wanted:
        limit = variable_of("spool_limit")
        remedy = f"free space, or lower {limit} so that the spool cannot fill the disk"
        message = (
            f"{free // 1024**2} MiB are free, less than the {wanted // 1024**2} MiB "
            "that the spool may take"
        )
        return warning("spool room", message, remedy)
    return ok("spool room", f"it can be written to, and {free // 1024**2} MiB are free")


def _content(directory: Path) -> list[Finding]:
    findings = []
    mode = stat.S_IMODE(directory.stat().st_mode)
    if mode & 0o077:
        remedy = f"chmod 700 {directory}"
        findings.append(
            warning(
                "spool mode",
                f"other users may read it (mode {mode:o}), and calls contain personal data",
                remedy,
            )
        )
    state = show_spool(directory)
    if state.records and (state.oldest_seconds or 0) > STALE_SECONDS:
        remedy = (
            "check that the database answers and a receiver or worker runs; "
            "`zeus-relay spool drain` drains by hand"
        )
        findings.append(
            warning(
                "spool content",
                f"{state.records} calls have been waiting for more than 5 minutes",
                remedy,
            )
        )
    if state.refused_records or state.torn_files:
        remedy = (
            "`zeus-relay spool show` lists them; "
            "`zeus-relay spool drain --refused` retries the refused calls"
        )
        findings.append(
            warning(
                "spool content",
                f"{state.refused_records} refused calls, {state.torn_files} damaged pieces",
                remedy,
            )
        )
    if state.unusable_entries:
        remedy = (
            "the log's `spool_entry_skipped` names each with the reason; move them elsewhere, "
            "and copy files on a failing disk"
        )
        findings.append(
            warning(
                "spool entries",
                f"{state.unusable_entries} entries cannot be read and are skipped",
                remedy,
            )
        )
    return findings
