"""Reader of a form with a file: the fields into memory, the file onto disk."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Final

from starlette.requests import ClientDisconnect, Request

from app.console.http.forms import Form
from app.console.http.multipart import BadForm, MultipartParser
from app.operations.errors import FileTooLarge
from app.operations.reconciliations.uploads import UPLOAD_LIMIT, new_upload

_READ_AT_MOST: Final = 16 * UPLOAD_LIMIT
"""Bytes of a body that are read although the file is too large.

A browser shows no answer that comes before it has sent everything.
"""


@asynccontextmanager
async def read_upload(request: Request, directory: Path | None) -> AsyncIterator[Form]:
    """Yield the form in a request's body, with its file in `directory`.

    Raises BadForm, FormTooLarge, FileTooLarge or FileNotKept.
    """
    async with new_upload(directory) as upload:
        parser = MultipartParser(request.headers.get("content-type", ""), upload.write)
        try:
            async for piece in request.stream():
                parser.feed(piece)
        except ClientDisconnect:
            raise BadForm from None
        except FileTooLarge:
            await _read_rest(request)
            raise
        if not parser.ended:
            raise BadForm
        yield Form({name: _texts(values) for name, values in parser.fields.items()}, upload.whole())


async def _read_rest(request: Request) -> None:
    left = _READ_AT_MOST
    with suppress(ClientDisconnect):
        async for piece in request.stream():
            left -= len(piece)
            if left < 0:
                return


def _texts(values: list[bytes]) -> list[str]:
    return [value.decode("utf-8", "replace").replace("\0", "\ufffd") for value in values]
