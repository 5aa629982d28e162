"""The FastAPI application of the private listener."""

from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import APIRouter, Depends, FastAPI, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.api.dependencies import ApiDependencies
from app.api.middleware import PREFIX, FailureGuard, TokenGuard
from app.api.permissions import demand_role
from app.api.problems import MEDIA_TYPE, add_handlers, documented
from app.api.routes import (
    audit,
    events,
    health,
    notices,
    orders,
    outbound,
    overview,
    recoveries,
    rejected_samples,
    subscribers,
    tokens,
)
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.metrics import exposition
from app.operations.access.tokens import Tokens
from app.operations.feed.reader import Feed
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.overview import Overviews
from app.operations.subscribers.validation import UrlRules
from app.scrapes import Scrapes

_DESCRIPTION = """
What zeus-relay received, what it made of it and who got it, and the actions on these.

Every answer other than a success is a problem as RFC 9457 describes it. Lists are read page by page: hand `next_cursor` back.
Personal values read `***` unless `personal=true` is asked for, which takes the role operator.
A token has a role: viewer reads, operator also acts, admin also manages subscribers and tokens. What a role may not do is answered 403.
"""
_EVERYWHERE = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class Api(FastAPI):
    """FastAPI, with errors documented in the media type in which they are sent."""

    def openapi(self) -> dict[str, Any]:
        """The OpenAPI document."""
        if self.openapi_schema is None:
            document = super().openapi()
            for operations in document["paths"].values():
                for operation in operations.values():
                    _correct_media_types(operation["responses"])
        return super().openapi()


def make_api(
    sessions: Sessions,
    vault: Vault,
    *,
    admin_token: str,
    rules: UrlRules | None = None,
    spool: Path | None = None,
    tide: FeedWakeup | None = None,
) -> FastAPI:
    """The application: JSON under /v1 for operators' tokens and `admin_token`; /healthz, /readyz and /metrics without.

    `spool` is the spool's directory, if this process shares it with a receiver. `tide` wakes those who wait for
    the feed; somebody else runs it.
    """
    app = Api(
        title="zeus-relay",
        version=version("zeus-relay"),
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the built-in pages load their scripts from elsewhere
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.dependencies = ApiDependencies(
        sessions,
        vault,
        rules or UrlRules(),
        Overviews(sessions, spool),
        Feed(sessions, tide or FeedWakeup(sessions)),
        Scrapes(exposition),
    )
    app.include_router(health.router)
    app.include_router(_v1())
    add_handlers(app)
    app.add_middleware(TokenGuard, tokens=Tokens(sessions, admin_token), sessions=sessions)
    app.add_middleware(FailureGuard)
    return app


def _v1() -> APIRouter:
    # TokenGuard checks the token; the scheme stands here so that the reference says so.
    scheme = HTTPBearer(
        auto_error=False,
        description="A token of `zeus-relay tokens create`, RELAY_ADMIN_TOKEN, or for the feed its own",
    )
    v1 = APIRouter(
        prefix=PREFIX, dependencies=[Security(scheme), Depends(demand_role)], responses=_EVERYWHERE
    )
    for module in (
        overview,
        orders,
        notices,
        rejected_samples,
        events,
        outbound,
        recoveries,
        subscribers,
        tokens,
        audit,
    ):
        v1.include_router(module.router)
    return v1


def _operation_id(route: APIRoute) -> str:
    return route.name


def _correct_media_types(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
