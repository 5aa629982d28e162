"""ASGI middleware of the API: a limit on the size of JSON bodies."""

from http import HTTPStatus

from starlette.exceptions import HTTPException
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import BODY_TOO_LARGE, problem

LIMIT_BYTES = 1_000_000
"""Longest JSON body. Bodies that are files have limits of their own."""
FILE_PATHS = frozenset({"/v1/mails", "/v1/reconciliations"})


class BodyLimit:
    """Answer 413 for a body that is too long, without reading it all."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, and count the bytes of its body."""
        if scope["type"] != "http" or scope["path"] in FILE_PATHS:
            return await self._app(scope, receive, send)
        length = next((value for key, value in scope["headers"] if key == b"content-length"), b"0")
        if length.isdigit() and int(length) > LIMIT_BYTES:
            return await problem(BODY_TOO_LARGE)(scope, receive, send)
        size = 0

        async def counted() -> Message:
            nonlocal size
            message = await receive()
            size += len(message.get("body", b""))
            if size > LIMIT_BYTES:
                raise HTTPException(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
            return message

        return await self._app(scope, counted, send)
