"""What the routes of the API work with."""

from dataclasses import dataclass, field
from typing import Annotated, cast

from fastapi import Depends, Query, Request

from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from app.operating.checks import UrlRules
from app.operating.paging import DEFAULT_LIMIT, LIMIT, Place
from app.operating.values import Line


@dataclass(frozen=True, slots=True)
class Parts:
    """The database, the vault for signing secrets, and what subscribers' URLs may be."""

    sessions: Sessions
    vault: Vault
    rules: UrlRules = field(default_factory=UrlRules)


def _parts(request: Request) -> Parts:
    return cast(Parts, request.app.state.parts)


def _place(
    cursor: Annotated[Line | None, Query(max_length=100, description="The `next_cursor` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=LIMIT, description="How many items at most.")] = DEFAULT_LIMIT,
) -> Place:
    return Place(cursor, limit)


WithParts = Annotated[Parts, Depends(_parts)]
WithPlace = Annotated[Place, Depends(_place)]
Personal = Annotated[bool, Query(description="Show what is hidden otherwise: personal values, and where a call came from.")]
