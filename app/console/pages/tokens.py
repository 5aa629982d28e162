"""The tokens of operators: who has one, making one, which is shown once, and revoking."""

from http import HTTPStatus

from pydantic import ValidationError
from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.operations.access import tokens as operations
from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken
from app.operations.errors import NotAcceptable, TokenNameTaken

_USUAL_DAYS = "90"


async def show(visit: PageRequest) -> Response:
    """Every token that is not revoked, and the form for a new one."""
    return await _show(visit)


async def create(visit: PageRequest) -> Response:
    """Make a token and show it this once."""
    form = visit.form
    try:
        new = NewToken.model_validate(
            {
                "name": form.text("name"),
                "role": form.text("role"),
                "expires_days": form.text("days") or None,
            }
        )
        created = await operations.create_token(visit.dependencies.sessions, new, visit.actor)
    except ValidationError as error:
        return await _show(
            visit, visit.translated(_("This cannot be used.")), str(error.errors()[0]["loc"][0])
        )
    except (NotAcceptable, TokenNameTaken) as refused:
        return await _show(visit, visit.reason(refused), "name")
    return visit.page("token.html", token=created)


async def revoke(visit: PageRequest) -> Response:
    """End a token."""
    await operations.revoke_token(visit.dependencies.sessions, visit.named("name"), visit.actor)
    return visit.go("/tokens", Flash.TOKEN_REVOKED)


async def _show(
    visit: PageRequest, problem: str | None = None, field: str | None = None
) -> Response:
    tokens = await operations.list_tokens(visit.dependencies.sessions)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    days = visit.form.text("days") if problem else _USUAL_DAYS
    return visit.page(
        "tokens.html",
        status,
        tokens=tokens.items,
        roles=list(Role),
        days=days,
        form=visit.form,
        problem=problem,
        field=field,
    )
