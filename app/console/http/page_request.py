"""Request to a console page: operator, session, language and form, and the answers to it."""

from dataclasses import dataclass, field, replace
from http import HTTPStatus
from typing import Any, cast
from urllib.parse import quote

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from app.console.http.dependencies import ConsoleDependencies
from app.console.http.forms import Form
from app.console.http.session import COOKIE, Session, forget, keep, opened, set_cookie
from app.console.texts import i18n
from app.console.texts.error_texts import words_of
from app.console.texts.flash import Flash, flash_of
from app.console.texts.i18n import Language, choose
from app.console.texts.labels import _
from app.console.texts.templates import render
from app.network.allowed_sources import Caller
from app.operations.access.permissions import ROLE_OF, Actor, Operator, Read, Role, Via
from app.operations.access.sessions import is_ended
from app.operations.errors import NotFound

_FLASH = "zeus_relay_said"
_FLASH_SECONDS = 60
_NAVIGATION = {
    "/add-subscriber": "/subscribers",
    "/apply": "/applications",
    "/rejected-samples": "/attention",
    "/reviews": "/attention",
    "/notices": "/orders",
    "/reconciliations": "/orders",
} | dict.fromkeys(("/onboarding", "/tokens", "/audit"), "/settings")
"""Top-level page to highlight, for paths of pages below it."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request with its session. `operator` is None on pages that need no sign-in."""

    request: Request
    session: Session | None
    operator: Operator | None
    language: Language
    form: Form = field(default_factory=Form)

    @property
    def dependencies(self) -> ConsoleDependencies:
        """Return the dependencies of the pages."""
        return cast(ConsoleDependencies, self.request.app.state.dependencies)

    @property
    def actor(self) -> Actor:
        """Return the actor that the audit log names for this request."""
        assert self.operator is not None  # noqa: S101 - actions require sign-in
        return self.operator.via(Via.CONSOLE)

    @property
    def here(self) -> str:
        """Return the path of this page; for a form, the path of the page it was on."""
        if self.request.method != "GET":
            return path_here(self.form.text("back") or self._path)
        return self._path + (f"?{self.request.url.query}" if self.request.url.query else "")

    @property
    def _path(self) -> str:
        """Return the path still percent-encoded.

        A decoded order number with a question mark would lead to another page.
        """
        return cast(bytes, self.request.scope["raw_path"]).decode("latin-1")

    @property
    def in_part(self) -> bool:
        """Return True if htmx asks for a part of a page."""
        return "hx-request" in self.request.headers

    def with_session(self, session: Session) -> "PageRequest":
        """Return this request with another session."""
        return replace(self, session=session)

    def may(self, role: Role) -> bool:
        """Return True if the operator has this role or a higher one."""
        return self.operator is not None and self.operator.role.includes(role)

    @property
    def may_manage(self) -> bool:
        """Return True if the operator is an administrator."""
        return self.may(ROLE_OF[Read.AUDIT])

    def text(self, name: str) -> str:
        """Return a query parameter, stripped; empty if it is missing."""
        return self.request.query_params.get(name, "").replace("\0", "\ufffd").strip()

    def named(self, parameter: str) -> str:
        """Return a parameter of the path, by its name in the route."""
        return str(self.request.path_params[parameter]).replace("\0", "\ufffd")

    def page(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """Render a template as the answer; show and clear a flash message."""
        flash = flash_of(self.request.cookies.get(_FLASH))
        common = {
            "page_request": self,
            "operator": self.operator,
            "csrf": self.session.csrf if self.session else "",
            "flash": flash,
            "here": _NAVIGATION.get(first := f"/{self.request.url.path.split('/')[1]}", first),
            "first_path": first,
            "order_path": order_path,
        }
        response = HTMLResponse(render(template, self.language, **{**common, **values}), status)
        response.headers["vary"] = "accept-language, cookie"
        if flash is not None:
            set_cookie(response, self.request, _FLASH, "", 0)
        return response

    def go(self, path: str, flash: Flash | None = None) -> Response:
        """Redirect to another page of the console, which shows the flash message."""
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        if flash is not None:
            set_cookie(response, self.request, _FLASH, flash.value, _FLASH_SECONDS)
        return response

    def action_failed(self, error: Exception) -> Response:
        """Return a page with the reason why an action failed; it repeats no input.

        Re-raises NotFound for the middleware.
        """
        if isinstance(error, NotFound):
            raise error
        title = self.translated(_("The action was not carried out"))
        return self.page(
            "error.html",
            HTTPStatus.CONFLICT,
            title=title,
            text=self.reason(error),
            back=self.here,
        )

    def reason(self, error: Exception) -> str:
        """Return the reason of an error in the request's language, or untranslated."""
        return self.translated(words_of(error))

    def translated(self, text: str) -> str:
        """Return a catalogue text in the request's language."""
        return i18n.translations(self.language).gettext(text)

    def keep(self, response: Response, session: Session) -> Response:
        """Set the session's cookie on the answer."""
        keep(response, self.request, session, self.dependencies.vault)
        return response

    def forget(self, response: Response) -> Response:
        """Delete the session's cookie on the answer."""
        forget(response, self.request)
        return response


def caller_of(request: Request) -> Caller:
    """Return the caller of a request, read through trusted proxies."""
    peer = request.client.host if request.client else ""
    return cast(ConsoleDependencies, request.app.state.dependencies).source_check.look(
        peer, request.headers.raw
    )


def session_of(request: Request) -> Session | None:
    """Return the session in the request's cookie, or None."""
    return opened(
        request.cookies.get(COOKIE), cast(ConsoleDependencies, request.app.state.dependencies).vault
    )


async def operator_of(page_request: PageRequest) -> Operator | None:
    """Return the signed-in operator, or None.

    None if the token is no longer valid, or if the session was signed out in any process.
    """
    session, dependencies = page_request.session, page_request.dependencies
    if session is None or session.token is None:
        return None
    operator = await dependencies.tokens.authenticate(session.token)
    return (
        None if operator is None or await is_ended(dependencies.sessions, session.id) else operator
    )


def language_of(request: Request) -> Language:
    """Return the chosen language, else the browser's."""
    return choose(request.cookies.get(i18n.COOKIE), request.headers.get("accept-language", ""))


def path_here(target: str) -> str:
    """Return `target` if it is a path of this console, else `/` (no open redirect)."""
    is_foreign = (
        not target.startswith("/")
        or target.startswith(("//", "/\\"))
        or any(ord(character) < 0x21 for character in target)
    )
    return "/" if is_foreign else target


def order_path(order_no: str, page: str = "/orders") -> str:
    """Return the path of an order's page, or of another page or form about the order."""
    return f"{page}/{quote(order_no, safe='')}"
