"""FastAPI application of the private listener."""

from collections.abc import Callable
from http import HTTPStatus
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fastapi import Depends, FastAPI, Security
from fastapi.routing import APIRoute
from fastapi.security import HTTPBearer

from app.api.body_limit import BodyLimit
from app.api.dependencies import ApiDependencies
from app.api.middleware import PREFIX, FailureGuard, TokenGuard
from app.api.permissions import demand_role
from app.api.problems import MEDIA_TYPE, add_handlers, documented
from app.api.routes import (
    applications,
    event_types,
    events,
    exports,
    health,
    notices,
    orders,
    outbound,
    overview,
    recoveries,
    rejected_samples,
    reviews,
    subscribers,
    unwanted,
)
from app.api.routes.access import audit, tokens
from app.api.routes.sources import mails, reconciliations
from app.applications.apply import Applicant
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.metrics import exposition
from app.operations.access.tokens import Tokens
from app.operations.feed.reader import Feed
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.overview import Overviews
from app.operations.reviews.settlement import DecisionRules
from app.operations.subscribers.validation import UrlRules
from app.scrapes import Scrapes

_DESCRIPTION = """
Calls that zeus-relay received, the events made from them, their delivery, and actions on all three.

Every error is a problem as RFC 9457 describes it. Lists are read page by page: pass
`next_cursor` as `cursor` to read the next page.
Personal values read `***` unless the request has `personal=true`, which needs the role operator.
Each token has a role: viewer reads, operator also acts, admin also manages subscribers and tokens.
A request that needs a higher role is answered 403.
"""
_EVERYWHERE = documented(
    HTTPStatus.UNAUTHORIZED,
    HTTPStatus.FORBIDDEN,
    HTTPStatus.UNPROCESSABLE_ENTITY,
    HTTPStatus.INTERNAL_SERVER_ERROR,
    HTTPStatus.SERVICE_UNAVAILABLE,
)


class Api(FastAPI):
    """FastAPI whose OpenAPI document gives errors the media type in which they are sent."""

    def openapi(self) -> dict[str, Any]:
        """Return the OpenAPI document."""
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
    feed_wakeup: FeedWakeup | None = None,
    decision_rules: DecisionRules | None = None,
    uploads: Path | None = None,
    applicant: Applicant | None = None,
    support: str | None = None,
    exposition: Callable[[], bytes] = exposition,
) -> FastAPI:
    """Return the application: JSON under /v1 with a token; /healthz, /readyz, /metrics without.

    `admin_token` is valid beside the tokens in the database. `spool` is the spool's directory if
    this process shares it with a receiver. `feed_wakeup` wakes waiting readers of the feed; the
    caller runs it. Uploaded files are kept in `uploads` (None: the system's temporary directory).
    Applications go through `applicant`; messages to customers name the contact `support`. A thread
    makes the text of /metrics by `exposition`.
    """
    app = Api(
        title="zeus-relay",
        version=version("zeus-relay"),
        description=_DESCRIPTION,
        openapi_url=f"{PREFIX}/openapi.json",
        docs_url=None,  # the built-in pages load scripts from another host
        redoc_url=None,
        redirect_slashes=False,
        generate_unique_id_function=_operation_id,
    )
    app.state.dependencies = ApiDependencies(
        sessions,
        vault,
        rules or UrlRules(),
        Overviews(sessions, spool),
        Feed(sessions, feed_wakeup or FeedWakeup(sessions)),
        Scrapes(exposition),
        decision_rules or DecisionRules(),
        uploads=uploads,
        applicant=applicant,
        support=support,
    )
    app.include_router(health.router)
    _include_v1(app)
    add_handlers(app)
    app.add_middleware(BodyLimit)
    app.add_middleware(TokenGuard, tokens=Tokens(sessions, admin_token), sessions=sessions)
    app.add_middleware(FailureGuard)
    return app


def _include_v1(app: FastAPI) -> None:
    # TokenGuard checks the token. The scheme is here only for the OpenAPI document.
    scheme = HTTPBearer(
        auto_error=False,
        description="A token of `zeus-relay tokens create`, RELAY_ADMIN_TOKEN, or a feed token",
    )
    # Each request tries these in turn: what other systems ask for often comes first. None is inside
    # another router, since each level tries all of its routes once more.
    for module in (
        applications,
        events,
        orders,
        overview,
        exports,
        notices,
        rejected_samples,
        reviews,
        unwanted,
        event_types,
        outbound,
        recoveries,
        reconciliations,
        mails,
        subscribers,
        tokens,
        audit,
    ):
        app.include_router(
            module.router,
            prefix=PREFIX,
            dependencies=[Security(scheme), Depends(demand_role)],
            responses=_EVERYWHERE,
        )


def _operation_id(route: APIRoute) -> str:
    return route.name


def _correct_media_types(responses: dict[str, Any]) -> None:
    for status, response in responses.items():
        if int(status) >= HTTPStatus.BAD_REQUEST:
            (content,) = response["content"].values()
            response["content"] = {MEDIA_TYPE: content}
