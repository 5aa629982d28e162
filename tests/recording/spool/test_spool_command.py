"""`zeus-relay spool` as an operator runs it."""

import json
import os
import socket
import subprocess
import sys
from pathlib import Path

from app.db.connections import connect
from app.recording.spool.record_format import encode_notice
from app.recording.spool.segments import SPOOLED, SegmentWriter
from tests.recording.recording_setup import LIMIT, make_notice, stored_ids

PROGRAM = str(Path(sys.executable).with_name("zeus-relay"))


def spool_command(directory: Path, url: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = {
        "PATH": os.environ["PATH"],
        "RELAY_SPOOL_DIR": str(directory),
        "RELAY_DATABASE_URL": url,
    }
    return subprocess.run(
        [PROGRAM, "spool", *arguments],
        capture_output=True,
        text=True,
        env=environment,
        cwd=directory,
    )


async def test_an_operator_sees_what_waits_and_drains_it(database_url: str, tmp_path: Path) -> None:
    notice = make_notice()
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=LIMIT)
    writer.write([encode_notice(notice)])
    writer.seal()
    shown = spool_command(tmp_path, database_url, "show", "--json")
    assert json.loads(shown.stdout)["records"] == 1, shown.stderr
    away = spool_command(tmp_path, "postgresql://relay@127.0.0.1:1/relay", "drain")
    assert away.returncode == 1
    assert "Traceback" not in away.stderr
    assert (
        json.loads(spool_command(tmp_path, database_url, "drain", "--json").stdout)["records"] == 1
    )
    text = spool_command(tmp_path, database_url, "show").stdout
    assert "records          0" in text
    assert [notice.id] == await stored_ids(database_url)
    assert [("spool.drained", "cli", 1)] == await _audited(database_url), (
        "the drain that failed did nothing to tell of"
    )


async def _audited(url: str) -> list[tuple[str, str, int]]:
    connection = await connect(url)
    try:
        rows = await connection.fetch(
            "SELECT action, via, details FROM audit_entries WHERE subject = $1",
            f"spool:{socket.gethostname()}",
        )
        return [(row["action"], row["via"], json.loads(row["details"])["records"]) for row in rows]
    finally:
        await connection.close()
