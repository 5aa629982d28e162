"""The tokens of operators: who has one, making one, which is shown once, and revoking."""

from http import HTTPStatus

from pydantic import ValidationError
from starlette.responses import Response

from app.console.labels import _
from app.console.messages import Said
from app.console.visit import Visit
from app.operating import tokens as operating
from app.operating.access import Role
from app.operating.refusals import NotAcceptable, TokenNameTaken
from app.operating.tokens import NewToken

_USUAL_DAYS = "90"


async def show(visit: Visit) -> Response:
    """Every token that is not revoked, and the form for a new one."""
    return await _show(visit)


async def create(visit: Visit) -> Response:
    """Make a token and show it this once."""
    form = visit.form
    try:
        new = NewToken.model_validate({"name": form.text("name"), "role": form.text("role"), "expires_days": form.text("days") or None})
        created = await operating.create_token(visit.parts.sessions, new, visit.actor)
    except ValidationError as error:
        return await _show(visit, visit.translated(_("This cannot be used.")), str(error.errors()[0]["loc"][0]))
    except (NotAcceptable, TokenNameTaken) as refused:
        return await _show(visit, visit.reason(refused), "name")
    return visit.page("token.html", token=created)


async def revoke(visit: Visit) -> Response:
    """End a token."""
    await operating.revoke_token(visit.parts.sessions, visit.named("name"), visit.actor)
    return visit.go("/tokens", Said.TOKEN_REVOKED)


async def _show(visit: Visit, problem: str | None = None, field: str | None = None) -> Response:
    tokens = await operating.list_tokens(visit.parts.sessions)
    status = HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK
    days = visit.form.text("days") if problem else _USUAL_DAYS
    return visit.page(
        "tokens.html", status, tokens=tokens.items, roles=list(Role), days=days, form=visit.form, problem=problem, field=field
    )
