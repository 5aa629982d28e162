"""Dependencies of the API's routes: database, page, actor, personal values, idempotency key.

All are coroutines: FastAPI would hand plain functions to threads, at each request.
"""

import hashlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, cast

from fastapi import Depends, Header, Query, Request

from app.api.permissions import actor_of
from app.applications.apply import Applicant
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.exports.slots import ExportSlots
from app.operations.feed.reader import Feed
from app.operations.models import Line
from app.operations.monitoring.overview import Overviews
from app.operations.pagination import DEFAULT_LIMIT, LIMIT, Place
from app.operations.reviews.settlement import DecisionRules
from app.operations.subscribers.validation import UrlRules
from app.scrapes import Scrapes


@dataclass(frozen=True, slots=True)
class ApiDependencies:
    """Objects that the routes share."""

    sessions: Sessions
    vault: Vault
    rules: UrlRules
    overviews: Overviews
    feed: Feed
    scrapes: Scrapes
    decision_rules: DecisionRules = field(default_factory=DecisionRules)
    export_slots: ExportSlots = field(default_factory=ExportSlots)
    uploads: Path | None = None
    """Directory of uploaded files."""
    applicant: Applicant | None = None
    """None if the relay applies for no slips."""
    support: str | None = None
    """Contact that messages to customers name."""


async def _dependencies(request: Request) -> ApiDependencies:
    return _shared(request)


def _shared(request: Request) -> ApiDependencies:
    return cast(ApiDependencies, request.app.state.dependencies)


async def _place(
    cursor: Annotated[
        Line | None, Query(max_length=500, description="The `next_cursor` of the page before.")
    ] = None,
    limit: Annotated[
        int, Query(ge=1, le=LIMIT, description="Most items on the page.")
    ] = DEFAULT_LIMIT,
) -> Place:
    return Place(cursor, limit)


async def _shown_to(
    actor: Annotated[Actor, Depends(actor_of)],
    personal: Annotated[
        bool,
        Query(
            description="Show personal values and source addresses of calls, which are masked "
            "otherwise. Needs the role operator. Audited."
        ),
    ] = False,
) -> Actor | None:
    if not personal:
        return None
    actor.demand(Action.PERSONAL_DATA_SEEN)
    return actor


async def _once(
    request: Request,
    key: Annotated[
        str | None,
        Header(
            alias="Idempotency-Key",
            pattern=r"^[\x21-\x7e]{1,255}$",
            description="Any value you choose. Within 24 hours a repeated request with the same "
            "key gets the first answer and is not executed again.",
        ),
    ] = None,
) -> Once | None:
    if key is None:
        return None
    content = b"\n".join((request.method.encode(), request.url.path.encode(), await request.body()))
    return Once(key, hashlib.sha256(content).digest(), _shared(request).vault)


WithDependencies = Annotated[ApiDependencies, Depends(_dependencies)]
WithPlace = Annotated[Place, Depends(_place)]
WithActor = Annotated[Actor, Depends(actor_of)]
ShownTo = Annotated[Actor | None, Depends(_shown_to)]
WithOnce = Annotated[Once | None, Depends(_once)]
