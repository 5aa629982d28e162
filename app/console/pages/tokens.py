"""Tokens page: list, creation and revocation of operators' tokens."""

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

_DEFAULT_DAYS = "90"


async def show(page_request: PageRequest) -> Response:
    """Show every token that is not revoked, and the form for a new one."""
    return await _show(page_request)


async def create(page_request: PageRequest) -> Response:
    """Create a token and show it once."""
    form = page_request.form
    try:
        new = NewToken.model_validate(
            {
                "name": form.text("name"),
                "role": form.text("role"),
                "expires_days": form.text("days") or None,
            }
        )
        created = await operations.create_token(
            page_request.dependencies.sessions, new, page_request.actor
        )
    except ValidationError as error:
        return await _show(
            page_request,
            page_request.translated(_("This value is invalid.")),
            str(error.errors()[0]["loc"][0]),
        )
    except (NotAcceptable, TokenNameTaken) as error:
        return await _show(page_request, page_request.reason(error), "name")
    return page_request.page("token.html", token=created)


async def revoke(page_request: PageRequest) -> Response:
    """Revoke a token."""
    await operations.revoke_token(
        page_request.dependencies.sessions, page_request.named("name"), page_request.actor
    )
    return page_request.go("/tokens", Flash.TOKEN_REVOKED)


async def _show(
    page_request: PageRequest, problem: str | None = None, field: str | None = None
) -> Response:
    tokens = await operations.list_tokens(page_request.dependencies.sessions)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    days = page_request.form.text("days") if problem else _DEFAULT_DAYS
    return page_request.page(
        "tokens.html",
        status,
        tokens=tokens.items,
        roles=list(Role),
        days=days,
        form=page_request.form,
        problem=problem,
        field=field,
    )
