"""The FastAPI application of the private listener."""

from http import HTTPStatus
from importlib.metadata import version
from typing import Any

from fastapi import APIRouter, FastAPI, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.api import events, health, notices, orders, outbound, subscribers
from app.api.guards import PREFIX, FailureGuard, TokenGuard
from app.api.parts import Parts
from app.api.problems import MEDIA_TYPE, add_handlers, documented
from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from app.operating.checks import UrlRules

_DESCRIPTION = """
What zeus-relay received, what it made of it and who got it, and the actions on these.

Every answer other than a success is a problem as RFC 9457 describes it. Lists are read page by page: hand `next_cursor` back.
Personal values read `***` unless `personal=true` is asked for.
"""
_EVERYWHERE = documented(
    HTTPStatus.UNAUTHORIZED, HTTPStatus.UNPROCESSABLE_ENTITY, HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.SERVICE_UNAVAILABLE
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


def make_api(sessions: Sessions, vault: Vault, *, admin_token: str, rules: UrlRules | None = None) -> FastAPI:
    """The application: JSON under /v1 with `admin_token` as bearer token; /healthz, /readyz and /metrics without."""
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
    app.state.parts = Parts(sessions, vault, rules or UrlRules())
    app.include_router(health.router)
    app.include_router(_v1())
    add_handlers(app)
    app.add_middleware(TokenGuard, token=admin_token)
    app.add_middleware(FailureGuard)
    return app


def _v1() -> APIRouter:
    # TokenGuard checks the token; the scheme stands here so that the reference says so.
    scheme = HTTPBearer(auto_error=False, description="RELAY_ADMIN_TOKEN")
    v1 = APIRouter(prefix=PREFIX, dependencies=[Security(scheme)], responses=_EVERYWHERE)
    for module in (subscribers, orders, notices, events, outbound):
        v1.include_router(module.router)
    return v1


def _operation_id(route: APIRoute) -> str:
    return route.name


def _correct_media_types(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}
