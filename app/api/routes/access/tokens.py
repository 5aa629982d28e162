"""Routes of operators' tokens, /v1/tokens."""

from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Path, Response

from app.api.dependencies import WithActor, WithDependencies, WithOnce
from app.api.problems import documented
from app.operations.access import tokens as operations
from app.operations.access.tokens import NewToken, TokenList, TokenWithSecret
from app.operations.models import Line

router = APIRouter(prefix="/tokens", tags=["tokens"])

Name = Annotated[Line, Path(max_length=100, description="The token's name.", examples=["suzuki"])]


@router.get("")
async def list_tokens(dependencies: WithDependencies) -> TokenList:
    """List the tokens that are not revoked, by name."""
    return await operations.list_tokens(dependencies.sessions)


@router.post("", status_code=HTTPStatus.CREATED, responses=documented(HTTPStatus.CONFLICT))
async def create_token(
    dependencies: WithDependencies, actor: WithActor, once: WithOnce, new: NewToken
) -> TokenWithSecret:
    """Create a token for an operator. Only this answer shows it."""
    return await operations.create_token(dependencies.sessions, new, actor, once)


@router.delete(
    "/{name}", status_code=HTTPStatus.NO_CONTENT, responses=documented(HTTPStatus.NOT_FOUND)
)
async def revoke_token(dependencies: WithDependencies, actor: WithActor, name: Name) -> Response:
    """Revoke a token. Within a few seconds no process accepts it."""
    await operations.revoke_token(dependencies.sessions, name, actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)
