"""Files that settings name: only regular ones are read, and no more than a limit of them."""

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
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(path))


ODD: dict[str, Callable[[Path], object]] = {
    "fifo": os.mkfifo,
    "directory": Path.mkdir,
    "socket": _socket,
    "device": lambda path: path.symlink_to("/dev/zero"),
}


@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_regular_file_is_refused_at_once(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "file"
    ODD[kind](path)
    with pytest.raises(OSError) as refused:
        read_configured(path)
    assert refused.value.errno == errno.EINVAL


def test_links_are_followed_as_mounted_secrets_are_links(tmp_path: Path) -> None:
    (tmp_path / "kept").write_bytes("配信先".encode())
    (tmp_path / "file").symlink_to("kept")
    assert read_configured_text(tmp_path / "file") == "配信先"


def test_no_more_than_the_limit_is_read(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(bytes(LIMIT_BYTES))
    assert len(read_configured(path)) == LIMIT_BYTES
    os.truncate(path, 1 << 40)  # sparse: whoever reads it whole has no memory left
    with pytest.raises(OSError) as refused:
        read_configured(path)
    assert refused.value.errno == errno.EFBIG


@pytest.mark.parametrize(
    ("kind", "reason"), [("fifo", "not a regular file"), ("device", "not a regular file")]
)
def test_no_start_waits_for_an_odd_file_of_sources(tmp_path: Path, kind: str, reason: str) -> None:
    path = tmp_path / "sources"
    ODD[kind](path)
    with pytest.raises(WrongSettings, match=reason):
        sources_of(Settings(allowed_sources_file=path))


@pytest.mark.parametrize("kind", ["fifo", "device"])
def test_no_start_waits_for_an_odd_env_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str
) -> None:
    monkeypatch.chdir(tmp_path)
    ODD[kind](tmp_path / ".env")
    with pytest.raises(WrongSettings, match=r"\.env: cannot be read \(not a regular file\)"):
        load_settings()
