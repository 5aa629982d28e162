"""Guard of the simulator's API and page against other web sites in the developer's browser."""

from collections.abc import Callable
from urllib.parse import urlsplit

from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from app.simulator.state.settings import is_loopback

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class LocalRequestsOnly:
    """Middleware that refuses foreign pages: a foreign name, or a change from another origin.

    A page elsewhere may send a form to 127.0.0.1, or give its own name that address. Without
    `anywhere` the Host must name loopback; a change must come from the simulator's own page or
    from no page at all. `open_path` is where shops post, and is not guarded.
    """

    def __init__(self, app: ASGIApp, anywhere: Callable[[], bool], open_path: str) -> None:
        self._app = app
        self._anywhere = anywhere
        self._open_path = open_path

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] != self._open_path:
            refusal = self._rejection(scope)
            if refusal:
                status, title = refusal
                body = {"type": "about:blank", "status": status, "title": title}
                answer = JSONResponse(body, status, media_type="application/problem+json")
                await answer(scope, receive, send)
                return
        await self._app(scope, receive, send)

    def _rejection(self, scope: Scope) -> tuple[int, str] | None:
        headers = {name: value.decode("latin-1") for name, value in scope["headers"]}
        host, origin = headers.get(b"host"), headers.get(b"origin")
        if host is not None and not self._anywhere() and not is_loopback(_name(host)):
            return 421, "This simulator is for this machine only. Use 127.0.0.1 or localhost."
        if scope["method"] not in _READING and origin and urlsplit(origin).netloc != host:
            return 403, "A page of another origin must not change the simulator."
        return None


def _name(host: str) -> str:
    try:
        return urlsplit(f"//{host}").hostname or ""
    except ValueError:
        return ""
