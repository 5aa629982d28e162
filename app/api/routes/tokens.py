"""/v1/tokens: who may use the API and the console."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.api.dependencies import WithActor, WithOnce, WithParts
from app.api.problems import documented
from app.operations.access import tokens as operations
from app.operations.access.tokens import NewToken, TokenList, TokenWithSecret
from app.operations.models import Line

router = APIRouter(prefix="/tokens", tags=["tokens"])

Name = Annotated[Line, Path(max_length=100, description="The token's name.", examples=["suzuki"])]


@router.get("")
async def list_tokens(parts: WithParts) -> TokenList:
    """The tokens that are not revoked, by name."""
    return await operations.list_tokens(parts.sessions)


@router.post("", status_code=HTTPStatus.CREATED, responses=documented(HTTPStatus.CONFLICT))
async def create_token(
    parts: WithParts, actor: WithActor, once: WithOnce, new: NewToken
) -> TokenWithSecret:
    """Make a token for an operator. The answer shows it, this once."""
    return await operations.create_token(parts.sessions, new, actor, once)


@router.delete(
    "/{name}", status_code=HTTPStatus.NO_CONTENT, responses=documented(HTTPStatus.NOT_FOUND)
)
async def revoke_token(parts: WithParts, actor: WithActor, name: Name) -> Response:
    """End a token; within a few seconds nobody takes it any more."""
    await operations.revoke_token(parts.sessions, name, actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)
