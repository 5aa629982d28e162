"""Uploaded files: a directory that is made, a limit, and disks that take nothing."""

from contextlib import suppress
from pathlib import Path

import pytest

from app.operations.errors import FileNotKept, FileTooLarge
from app.operations.reconciliations.uploads import Upload, new_upload


async def test_a_file_has_no_name_and_its_directory_is_made(tmp_path: Path) -> None:
    async with new_upload(tmp_path / "data") as upload:
        for piece in (b"order_no,", b"status"):
            upload.write(piece)
        assert b"order_no,status" == upload.whole().read()
        assert [] == list((tmp_path / "data").iterdir())


async def test_a_file_over_the_limit_is_refused(tmp_path: Path) -> None:
    async with new_upload(tmp_path, limit=10) as upload:
        upload.write(b"x" * 10)
        with pytest.raises(FileTooLarge):
            upload.write(b"x")


@pytest.mark.parametrize(
    ("stated", "refused"),
    [("11", True), ("10", False), (None, False), ("9" * 99, True), ("x", False)],
)
async def test_the_stated_length_is_checked_first(
    tmp_path: Path, stated: str | None, refused: bool
) -> None:
    async with new_upload(tmp_path, limit=10) as upload:
        if refused:
            with pytest.raises(FileTooLarge):
                upload.check_length(stated)
        else:
            upload.check_length(stated)


def test_a_full_disk_is_told() -> None:
    with (
        suppress(OSError),  # the end of the file tries once more
        Path("/dev/full").open("wb") as full,
        pytest.raises(FileNotKept, match="No space left"),
    ):
        Upload(full).write(b"x" * 1_000_000)


async def test_a_disk_that_takes_nothing_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_bytes(b"")
    with pytest.raises(FileNotKept, match="could not be kept on disk"):
        async with new_upload(tmp_path / "data"):
            pass
