"""Files that settings name: only regular ones, of a limited size."""

import errno
import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from app.configured_files import LIMIT_BYTES, read_configured, read_configured_text
from app.main.roles.reload_sources import sources_of
from app.settings import Settings, WrongSettings, load_settings


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as bound:
        bound.bind(str(path))


IRREGULAR: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", IRREGULAR)
def test_irregular_files_are_rejected(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    IRREGULAR[kind](path)
    with pytest.raises(OSError) as rejected:
        read_configured(path)
    assert rejected.value.errno == errno.EINVAL


def test_links_are_followed(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes("配信先".encode())
    (tmp_path / "file").symlink_to("kept")
    assert read_configured_text(tmp_path / "file") == "配信先"


def test_a_file_over_the_limit_is_rejected(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(LIMIT_BYTES))
    assert len(read_configured(path)) == LIMIT_BYTES
    os.truncate(path, 1 << 40)  # sparse: reading all of it would take all memory
    with pytest.raises(OSError) as rejected:
        read_configured(path)
    assert rejected.value.errno == errno.EFBIG


@pytest.mark.parametrize(
    ("kind", "reason"), [("fifo", "not a regular file"), ("device", "not a regular file")]
)
def test_an_irregular_file_of_sources_stops_the_start(
    tmp_path: Path, kind: str, reason: str
) -> None:
    path = tmp_path / "sources"
    IRREGULAR[kind](path)
    with pytest.raises(WrongSettings, match=reason):
        sources_of(Settings(allowed_sources_file=path))


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_an_irregular_env_file_stops_the_start(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    IRREGULAR[kind](tmp_path / ".env")
    with pytest.raises(WrongSettings, match=r"\.env: cannot be read \(not a regular file\)"):
        load_settings()
