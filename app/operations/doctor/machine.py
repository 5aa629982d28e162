"""Whether this machine and the database keep what is promised: durability, room, and clocks that agree."""

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
"""The oldest major version of Postgres that its makers still care for."""
SKEW_SECONDS = 2.0
STALE_SECONDS = 300

_ASK = text("""
SELECT current_setting('server_version_num')::int / 10000 AS major, current_setting('fsync') AS fsync,
  current_setting('synchronous_commit') AS synchronous_commit, clock_timestamp() AS at
""")


async def check_postgres(sessions: Sessions) -> list[Finding]:
    """Whether the server is one we know, keeps what it commits, and has the same time as this machine."""
    async with sessions() as session:
        await session.execute(
            _ASK
        )  # the first statement of a connection takes longer, which would look like a wrong clock
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
    return ok("durability", "what was answered survives a power cut")


def compare_clocks(before: datetime, at: datetime, after: datetime) -> Finding:
    """The database read its clock at some time between `before` and `after` of ours."""
    skew = max((before - at).total_seconds(), (at - after).total_seconds())
    if skew > CLOCK_TOLERANCE.total_seconds():
        message = f"this machine and the database are {skew:.0f} s apart: nothing is erased or pruned by age until they agree"
        return error(
            "clock", message, "let chrony or systemd-timesyncd set the clocks of both machines"
        )
    if skew > SKEW_SECONDS:
        remedy = "let chrony or systemd-timesyncd set the clocks of both machines"
        return warning(
            "clock",
            f"this machine and the database are {skew:.0f} s apart: times of calls and attempts mislead",
            remedy,
        )
    return ok("clock", "this machine and the database agree")


def check_spool(settings: Settings) -> list[Finding]:
    """Whether the spool can be written to when it is needed, has room, and holds nothing back. Blocks."""
    directory = settings.spool_path
    there = next(path for path in (directory, *directory.absolute().parents) if path.exists())
    trouble = _write(there)
    if trouble is not None:
        remedy = f"make it a directory of the user that receives, on a local disk, or set {variable_of('spool_dir')}"
        return [error("spool", f"{there} cannot be written to: {trouble}", remedy)]
    return [_room(there, settings), *(_content(directory) if there == directory else ())]


def _write(directory: Path) -> str | None:
    """Why nothing can be made durable there, or None."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"zeus-relay")
            file.flush()
            os.fsync(file.fileno())
    except OSError as failed:
        return failed.strerror or type(failed).__name__
    return None


def _room(directory: Path, settings: Settings) -> Finding:
    free = shutil.disk_usage(directory).free
    wanted = settings.spool_limit
    if free < wanted:
        remedy = f"make room, or lower {variable_of('spool_limit')} so that the spool cannot fill the disk"
        message = f"{free // 1024**2} MiB are free, fewer than the {wanted // 1024**2} MiB that the spool may take"
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
                f"others may look into it (mode {mode:o}), and calls hold personal data",
                remedy,
            )
        )
    state = show_spool(directory)
    if state.records and (state.oldest_seconds or 0) > STALE_SECONDS:
        remedy = "see whether the database answers and a receiver or worker runs; `zeus-relay spool drain` does it by hand"
        findings.append(
            warning(
                "spool content",
                f"{state.records} calls have been waiting for more than 5 minutes",
                remedy,
            )
        )
    if state.refused_records or state.torn_files:
        remedy = "`zeus-relay spool show` tells of them; `zeus-relay spool drain --refused` tries those again that were refused"
        findings.append(
            warning(
                "spool content",
                f"{state.refused_records} refused calls, {state.torn_files} damaged pieces",
                remedy,
            )
        )
    if state.unusable_entries:
        remedy = "the log's `spool_entry_skipped` names each with the reason; move them elsewhere, and copy files on a failing disk"
        findings.append(
            warning(
                "spool entries",
                f"{state.unusable_entries} entries cannot be read and are skipped",
                remedy,
            )
        )
    return findings
