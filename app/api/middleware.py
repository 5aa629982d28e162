"""ASGI middleware of the API: bearer tokens, and answers for unexpected errors."""

from http import HTTPStatus

from starlette.requests import ClientDisconnect
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from app.api.problems import Kind, problem
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.error_advice import problem_of
from app.db.sqlstates import DatabaseProblem
from app.logs import get_logger
from app.operations.access.permissions import Operator
from app.operations.access.tokens import Tokens
from app.operations.feed.reader import authenticate_feed
from app.operations.subscribers.feed_tokens import PREFIX as FEED_PREFIX

PREFIX = "/v1"
_UNAUTHORIZED = Kind(HTTPStatus.UNAUTHORIZED, "unauthorized")
_UNAVAILABLE = Kind(HTTPStatus.SERVICE_UNAVAILABLE, "database-unavailable")
_DEFECT = Kind(HTTPStatus.INTERNAL_SERVER_ERROR, "internal-server-error")

log = get_logger("api")


class TokenGuard:
    """Require a valid token for every request to /v1.

    It runs before routing: without a token, existing and unknown paths get the same answer.
    """

    def __init__(self, app: ASGIApp, tokens: Tokens, sessions: Sessions) -> None:
        self._app = app
        self._tokens = tokens
        self._sessions = sessions

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on with its operator in `state`, or answer 401."""
        if scope["type"] != "http" or not _is_guarded(scope["path"]):
            return await self._app(scope, receive, send)
        operator = await self._operator(scope)
        if operator is not None:
            scope.setdefault("state", {})["operator"] = operator
            return await self._app(scope, receive, send)
        given = any(key == b"authorization" for key, _ in scope["headers"])
        challenge = 'Bearer realm="zeus-relay"' + (', error="invalid_token"' if given else "")
        detail = (
            "The token is not valid."
            if given
            else "Send a bearer token: `Authorization: Bearer …`."
        )
        return await problem(_UNAUTHORIZED, detail, headers={"WWW-Authenticate": challenge})(
            scope, receive, send
        )

    async def _operator(self, scope: Scope) -> Operator | None:
        values: list[bytes] = [value for key, value in scope["headers"] if key == b"authorization"]
        if len(values) != 1:
            return None
        scheme, _, token = values[0].partition(b" ")
        if scheme.lower() != b"bearer":
            return None
        given = token.strip().decode(errors="surrogateescape")
        if given.startswith(FEED_PREFIX):
            return await authenticate_feed(self._sessions, given)
        return await self._tokens.authenticate(given)


class FailureGuard:
    """Answer 503 for a database error and 500 for a defect. Log no value of the request."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on. Answer it if an exception ends it before the answer has begun."""
        if scope["type"] != "http":
            return await self._app(scope, receive, send)
        begun = False

        async def watched(message: Message) -> None:
            nonlocal begun
            begun = True
            await send(message)

        try:
            await self._app(scope, receive, watched)
        except ClientDisconnect:
            return None  # nobody is left to answer
        except Exception as error:
            database_problem = problem_of(error)
            route = getattr(scope.get("route"), "path", None)
            log.error(
                "request_failed",
                method=scope["method"],
                route=route,
                trouble=database_problem and database_problem.name,
                error=_description(error),
            )
            if begun:
                raise
            await _answer_of(database_problem)(scope, receive, send)


def _is_guarded(path: str) -> bool:
    return path == PREFIX or path.startswith(PREFIX + "/")


def _answer_of(database_problem: DatabaseProblem | None) -> ASGIApp:
    if database_problem is None:
        return problem(_DEFECT, "Internal error of zeus-relay. Its log names the place.")
    return problem(
        _UNAVAILABLE,
        f"{database_problem.value[0].upper()}{database_problem.value[1:]}.",
        headers={"Retry-After": "1"},
    )


def _description(error: Exception) -> str:
    """Return type and place of the exception, without its text, which may repeat a value."""
    trace = error.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    where = f" at {trace.tb_frame.f_code.co_filename}:{trace.tb_lineno}" if trace else ""
    return describe_error(error) + where
