"""Form with which staff apply for a slip, real or as a test."""

import secrets
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any
from uuid import UUID

from starlette.responses import Response

from app.applications.request import RequestFault
from app.applications.states import ApplicationState, TestKind
from app.console.http.forms import Form
from app.console.http.page_request import PageRequest
from app.console.texts.application_labels import FAULTS
from app.console.texts.flash import Flash
from app.console.texts.labels import _
from app.operations.applications.apply import apply_for_slip
from app.operations.applications.errors import RequestNotAcceptable, SlipExists
from app.operations.applications.models import NewApplication
from app.operations.errors import KeyReused, OperationError
from app.operations.typed_input import fold_money
from app.zeus.stores import STORES

_AT: Mapping[str, str] = {
    "/money": "money",
    "/store": "store",
    "/customer/name": "name",
    "/customer/telno": "telno",
    "/customer/email": "email",
    "/sendid": "sendid",
    "/clientip": "clientip",
    "/test": "test",
    "/replaces": "replaces",
}
"""Field of the form for each place in the request."""
_KEY_LENGTH = 255


async def ask(page_request: PageRequest) -> Response:
    """Show the empty form. `replaces` in the address is the application to replace."""
    return _form(page_request, replaces=page_request.text("replaces"))


async def apply(page_request: PageRequest) -> Response:
    """Apply, and go to the application. The form's key makes a second click harmless."""
    form, dependencies = page_request.form, page_request.dependencies
    try:
        application = await apply_for_slip(
            dependencies.sessions,
            dependencies.applicant,
            NewApplication(**_request(form)),
            _key_of(form),
            page_request.actor,
            support=dependencies.support,
        )
    except RequestNotAcceptable as error:
        return _form(page_request, problems=_problems(page_request, error.faults))
    except SlipExists as error:
        return _form(
            page_request, HTTPStatus.CONFLICT, page_request.reason(error), error.application_id
        )
    except KeyReused as error:
        return _form(page_request, HTTPStatus.CONFLICT, page_request.reason(error), new_key=True)
    except OperationError as error:
        return _form(page_request, HTTPStatus.CONFLICT, page_request.reason(error))
    flash = Flash.APPLIED if application.state is ApplicationState.ACCEPTED else None
    return page_request.go(f"/applications/{application.id}", flash)


def _request(form: Form) -> dict[str, Any]:
    """Return the request that the form states. Empty fields are absent."""
    money = str(fold_money(form.text("money")))
    customer = {name: form.text(name) for name in ("name", "telno", "email")}
    given: dict[str, Any] = {
        "money": int(money) if money.isascii() and money.isdigit() else money or None,
        "store": form.text("store"),
        "customer": {name: value for name, value in customer.items() if value},
        **{name: form.text(name) for name in ("sendid", "clientip", "test", "replaces")},
    }
    return {name: value for name, value in given.items() if value not in ("", None)}


def _key_of(form: Form) -> str:
    """Return the key that the form was made with, or a new one for a form without."""
    key = form.text("key")
    usable = 0 < len(key) <= _KEY_LENGTH and key.isascii() and key.isprintable() and " " not in key
    return key if usable else secrets.token_urlsafe(18)


def _problems(page_request: PageRequest, faults: Sequence[RequestFault]) -> dict[str, str]:
    """Return the message for each faulty field of the form."""
    words = ((fault, FAULTS.get(fault.reason, _("This value is invalid."))) for fault in faults)
    return {_AT.get(fault.pointer, "money"): page_request.translated(text) for fault, text in words}


def _form(
    page_request: PageRequest,
    status: int | None = None,
    problem: str | None = None,
    exists: UUID | None = None,
    *,
    problems: Mapping[str, str] | None = None,
    replaces: str = "",
    new_key: bool = False,
) -> Response:
    form, applicant = page_request.form, page_request.dependencies.applicant
    default = HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK
    rules = applicant.rules if applicant else None
    return page_request.page(
        "apply.html",
        status or default,
        form=form,
        key=secrets.token_urlsafe(18) if new_key else _key_of(form),
        problem=problem,
        problems=problems or {},
        exists=exists,
        replaces=form.text("replaces") or replaces,
        is_configured=applicant is not None,
        stores=list(STORES.values()),
        ip_codes=rules.ip_codes if rules else (),
        kinds=list(TestKind) if rules and rules.test_id else [],
    )
