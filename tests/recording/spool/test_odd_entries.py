"""Odd entries of the spool directory: each is skipped or set aside, logged and counted, and the
others are drained.
"""

import asyncio
import json
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import pytest
from structlog.testing import capture_logs

from app.metrics import spool_entries_skipped
from app.operations.doctor.machine import check_spool
from app.recording.spool.drainer import Drainer
from app.recording.spool.erasure import erase_old_files, erase_order_in_spool
from app.recording.spool.record_format import encode_notice, frame
from app.recording.spool.segment_claims import list_unusable
from app.recording.spool.segments import (
    REFUSED,
    SPOOLED,
    TORN,
    SegmentWriter,
    SpoolFull,
    list_segments,
)
from app.recording.spool.spool import Spool
from app.recording.spool.status import drain_spool, retry_refused, show_spool
from app.settings import Settings
from tests.peak_memory import measured, peak_mib
from tests.recording.recording_setup import LIMIT, ids_in, make_notice, stored_ids
from tests.recording.spool.test_spool_command import PROGRAM

MARKER = "0011223344556677"
OWNER = "aaaaaaaaaaaa"
STEM = f"0000000000001-{OWNER}-000001-{MARKER}"
"""Odd entries are the oldest, so that the drainer meets them first."""


def spooled(directory: Path, count: int = 10) -> list[UUID]:
    writer = SegmentWriter(directory, "0123456789ab", suffix=SPOOLED, limit=LIMIT)
    notices = [make_notice(number) for number in range(count)]
    writer.write([encode_notice(notice) for notice in notices])
    writer.seal()
    return [notice.id for notice in notices]


def make_socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        os.chdir(path.parent)  # the name of a socket has to be short
        listener.bind(path.name)


def make_device(path: Path) -> None:
    try:
        os.mknod(path, 0o600 | 0o020000, os.makedev(1, 5))  # /dev/zero, which never ends
    except PermissionError:
        pytest.skip("a device needs the right to make one")


def make_sparse(path: Path) -> None:
    path.touch()
    os.truncate(path, 3_000_000_000)


ODD: dict[str, Callable[[Path], object]] = {
    "directory": Path.mkdir,
    "fifo": os.mkfifo,
    "socket": make_socket,
    "device": make_device,
    "dangling link": lambda path: path.symlink_to("/nowhere"),
    "link to itself": lambda path: path.symlink_to(path.name),
    "link to a file": lambda path: path.symlink_to("/etc/hostname"),
    "link to a directory": lambda path: path.symlink_to("/etc"),
}


@pytest.fixture(autouse=True)
def _back_home() -> Iterator[None]:
    home = Path.cwd()
    yield
    os.chdir(home)


@pytest.mark.parametrize("suffix", [SPOOLED, REFUSED, TORN, ".lock"])
@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
async def test_everything_beside_an_odd_entry_is_drained(
    database_url: str, tmp_path: Path, make: Callable[[Path], object], suffix: str
) -> None:
    entry = tmp_path / ((OWNER if suffix == ".lock" else STEM) + suffix)
    ids = spooled(tmp_path)
    make(entry)
    async with asyncio.timeout(20):
        drained = await drain_spool(database_url, tmp_path)
        assert drained.records == 10
        assert drained.skipped == (suffix in (SPOOLED, ".lock"))
        assert ids == await stored_ids(database_url)
        assert entry in list(tmp_path.iterdir()), "what is not ours is left alone"  # noqa: ASYNC240
        state = await asyncio.to_thread(show_spool, tmp_path)
        assert (state.records, state.segments, state.unusable_entries) == (0, 0, 1)
        assert await asyncio.to_thread(erase_order_in_spool, tmp_path, "1234-56789-00001") == (0, 0)
        assert await asyncio.to_thread(erase_old_files, tmp_path, timedelta(days=-1)) == 0
        assert await asyncio.to_thread(retry_refused, tmp_path) == 0
        findings = await asyncio.to_thread(
            check_spool, Settings.model_validate({"spool_dir": tmp_path, "spool_limit": "1MiB"})
        )
        assert "spool entries" in {finding.subject for finding in findings}


@pytest.mark.parametrize("make", ODD.values(), ids=ODD)
async def test_a_refused_file_takes_another_name_beside_an_odd_entry(
    database_url: str, tmp_path: Path, make: Callable[[Path], object]
) -> None:
    ids = spooled(tmp_path)
    [segment] = list_segments(tmp_path)
    with segment.path.open("ab") as file:
        file.write(frame(b"\x09 of a later version", segment.marker) + b"damage")
    for suffix in (REFUSED, TORN):
        make(segment.path.with_suffix(suffix))
    hostname = Path("/etc/hostname").read_bytes()  # noqa: ASYNC240
    drained = await drain_spool(database_url, tmp_path)
    assert (drained.records, drained.refused, drained.skipped) == (10, 1, 0)
    assert ids == await stored_ids(database_url)
    assert list_segments(tmp_path) == []
    state = await asyncio.to_thread(show_spool, tmp_path)
    assert (state.refused_records, state.torn_files, state.unusable_entries) == (1, 1, 2)
    assert Path("/etc/hostname").read_bytes() == hostname  # noqa: ASYNC240
    assert retry_refused(tmp_path) == 1
    assert (await drain_spool(database_url, tmp_path)).refused == 1


async def test_an_entry_is_logged_once_and_counted_at_each_attempt(
    database_url: str, tmp_path: Path
) -> None:
    (tmp_path / f"{STEM}.spool").mkdir()
    drainer, before = Drainer(database_url, tmp_path), spool_entries_skipped._value.get()
    with capture_logs() as logs:
        for _ in range(3):
            spooled(tmp_path, 2)
            assert (await drainer.drain_once()).records == 2
    logged = [line for line in logs if line["event"] == "spool_entry_skipped"]
    assert [(line["entry"], line["reason"]) for line in logged] == [
        (f"{STEM}.spool", "not a regular file")
    ]
    assert spool_entries_skipped._value.get() - before == 1, "it is left alone for a minute"


async def test_a_round_with_nothing_but_a_skipped_entry_asks_no_database(
    tmp_path: Path, database_url: str
) -> None:
    (tmp_path / f"{STEM}.spool").mkdir()
    drainer = Drainer(database_url, tmp_path)
    assert (await drainer.drain_once()).skipped == 1
    drainer._url = "postgresql://relay@127.0.0.1:1/relay"
    assert (await drainer.drain_once()).skipped == 0


async def test_a_living_receiver_answers_and_drains_beside_odd_entries(
    database_url: str, tmp_path: Path
) -> None:
    for number, make in enumerate(ODD.values()):
        make(tmp_path / f"{STEM[:-2]}{number:02}.spool")
        make(tmp_path / f"{number:012}.lock")
    make_sparse(tmp_path / f"{STEM}.spool")
    spool = Spool(tmp_path, limit=LIMIT)
    notices = [make_notice(number) for number in range(30)]
    await asyncio.gather(*(spool.append(notice) for notice in notices))
    drained = await Drainer(database_url, tmp_path, spool=spool).drain_once()
    assert (drained.records, drained.skipped) == (30, 2 * len(ODD))
    assert [notice.id for notice in notices] == await stored_ids(database_url)
    await spool.close()


def test_holes_in_a_file_do_not_fill_the_spool(tmp_path: Path) -> None:
    make_sparse(tmp_path / f"{STEM}.torn")
    writer = SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=1_000_000)
    writer.write([b"a record"])
    (tmp_path / "ballast").write_bytes(bytes(1_000_000))
    with pytest.raises(SpoolFull):
        SegmentWriter(tmp_path, "0123456789ab", suffix=SPOOLED, limit=1_000_000).write(
            [b"a record"]
        )


async def test_a_sparse_file_of_3_gb_takes_no_memory_and_is_kept(
    database_url: str, tmp_path: Path
) -> None:
    """One record comes first: an answered call may stand in a file that grew later."""
    notice = make_notice(1)
    path = tmp_path / f"{STEM}.spool"
    path.write_bytes(frame(encode_notice(notice), bytes.fromhex(MARKER)))
    os.truncate(path, 3_000_000_000)
    ids = [notice.id, *spooled(tmp_path)]
    environment = {
        "PATH": os.environ["PATH"],
        "RELAY_SPOOL_DIR": str(tmp_path),
        "RELAY_DATABASE_URL": database_url,
    }
    results, peak = {}, tmp_path.with_suffix(".peak")
    for words in (
        ["show", "--json"],
        ["drain", "--json"],
        ["forget", "1234-56789-00001", "--json"],
    ):
        done = await asyncio.to_thread(
            subprocess.run,
            measured(peak, [PROGRAM, "spool", *words]),
            env=environment,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
        assert done.returncode == 0, done.stderr
        results[words[0]] = json.loads(done.stdout)
        assert peak_mib(peak) < 400
    assert results["show"]["records"] == 11
    assert results["drain"]["records"] == 11
    assert results["forget"]["forgotten"] == 1, "the piece that names the order goes whole"
    assert sorted(ids) == await stored_ids(database_url)
    assert list_segments(tmp_path) == []


@contextmanager
def bound(source: str, target: Path, *options: str) -> Iterator[None]:
    """Mount another file over this one. Skips where nothing can be mounted."""
    mounted = subprocess.run(["mount", "--bind", source, str(target)], capture_output=True)
    if mounted.returncode:
        pytest.skip("another file in its place needs the right to mount")
    try:
        for option in options:
            subprocess.run(["mount", "-o", f"remount,bind,{option}", str(target)], check=True)
        yield
    finally:
        subprocess.run(["umount", str(target)], check=True)


async def test_a_segment_with_a_disk_error_is_skipped(database_url: str, tmp_path: Path) -> None:
    """A process's memory is a regular file, and reading its first byte is an I/O error."""
    path = tmp_path / f"{STEM}.spool"
    path.touch()
    ids = spooled(tmp_path)
    with bound(f"/proc/{os.getpid()}/mem", path):
        with capture_logs() as logs:
            drained = await drain_spool(database_url, tmp_path)
        assert show_spool(tmp_path).unusable_entries == 1
        assert erase_order_in_spool(tmp_path, "1234-56789-00001") == (0, 0)
    assert (drained.records, drained.skipped) == (10, 1)
    assert ids == await stored_ids(database_url)
    assert [line["reason"] for line in logs if line["event"] == "spool_entry_skipped"] == [
        "Input/output error"
    ]


async def test_a_segment_on_a_disk_that_is_read_only_is_skipped(
    database_url: str, tmp_path: Path
) -> None:
    path = tmp_path / f"{STEM}.spool"
    path.write_bytes(b"x")
    ids = spooled(tmp_path)
    with bound(str(path), path, "ro"):
        drained = await drain_spool(database_url, tmp_path)
    assert (drained.records, drained.skipped) == (10, 1)
    assert ids == await stored_ids(database_url)


@asynccontextmanager
async def by_tcp(url: str) -> AsyncIterator[str]:
    """Return the database on a port, for a process that may not enter its socket's directory."""
    parts = urlsplit(url)
    path = f"{parse_qs(parts.query)['host'][0]}/.s.PGSQL.5432"

    async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
        finally:
            writer.close()

    async def link(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there = await asyncio.open_unix_connection(path)
        await asyncio.gather(pump(reader, there[1]), pump(there[0], writer), return_exceptions=True)

    async with await asyncio.start_server(link, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        yield f"postgresql://postgres@127.0.0.1:{port}{parts.path}"


@pytest.mark.parametrize("suffix", [SPOOLED, ".lock"])
async def test_an_entry_without_permission_is_skipped(
    database_url: str, tmp_path: Path, suffix: str
) -> None:
    """Root may open everything, so the command runs without that right."""
    setpriv = shutil.which("setpriv")
    if setpriv is None or os.geteuid() != 0:
        pytest.skip("giving up the right to open everything needs root and setpriv")
    entry = tmp_path / ((OWNER if suffix == ".lock" else STEM) + suffix)
    entry.write_bytes(b"x")
    entry.chmod(0)
    ids = spooled(tmp_path)
    without = [
        setpriv,
        "--bounding-set",
        "-dac_override,-dac_read_search",
        "--inh-caps",
        "-dac_override,-dac_read_search",
    ]
    async with by_tcp(database_url) as url:
        environment = {
            "PATH": os.environ["PATH"],
            "RELAY_SPOOL_DIR": str(tmp_path),
            "RELAY_DATABASE_URL": url,
        }
        done = await asyncio.to_thread(
            subprocess.run,
            [*without, PROGRAM, "spool", "drain", "--json"],
            env=environment,
            capture_output=True,
            text=True,
            cwd=tmp_path,
        )
    assert done.returncode == 0, done.stderr
    result = json.loads(done.stdout)
    assert (result["records"], result["skipped"]) == (10, 1)
    assert "Permission denied" in done.stderr
    assert ids == await stored_ids(database_url)


def test_names_that_are_none_of_ours_are_no_entries(tmp_path: Path) -> None:
    names = (
        "x.spool",
        "a-b-c-d.spool",
        "-1-x-1-00.spool",
        "1-\udcff-1-0011223344556677.spool",
        ".spool",
        "１-a-1-0011223344556677.spool",
    )
    for name in names:
        (tmp_path / name).mkdir()
    (tmp_path / "not an owner.lock").mkdir()
    assert list_segments(tmp_path) == []
    assert list_unusable(tmp_path) == {}


def test_a_link_in_the_place_of_a_segment_is_never_read(tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.write_bytes(frame(encode_notice(make_notice()), bytes.fromhex(MARKER)))
    (tmp_path / f"{STEM}.spool").symlink_to(other)
    with pytest.raises(OSError, match="not a regular file"):
        ids_in(tmp_path)
    assert show_spool(tmp_path).records == 0
