"""One request to the console: who makes it, in which language, and the answers a page can give."""

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

_SAID = "zeus_relay_said"
_SAID_SECONDS = 60
_NAVIGATION = {
    "/add-subscriber": "/subscribers",
    "/rejected-samples": "/attention",
    "/notices": "/orders",
} | dict.fromkeys(("/onboarding", "/tokens", "/audit"), "/settings")
"""Under which of the pages at the top a page stands whose path does not say so."""


@dataclass(frozen=True, slots=True)
class PageRequest:
    """A request with what is known of its maker. `operator` is None for pages that need no sign-in."""

    request: Request
    session: Session | None
    operator: Operator | None
    language: Language
    form: Form = field(default_factory=Form)

    @property
    def dependencies(self) -> ConsoleDependencies:
        """What the pages work with."""
        return cast(ConsoleDependencies, self.request.app.state.dependencies)

    @property
    def actor(self) -> Actor:
        """Who the audit names for what is done in this request."""
        assert self.operator is not None  # noqa: S101 - no action can be reached without signing in
        return self.operator.via(Via.CONSOLE)

    @property
    def here(self) -> str:
        """The address of this page, to come back to; of a form's answer, the page that the form was on."""
        if self.request.method != "GET":
            return path_here(self.form.text("back") or self._path)
        return self._path + (f"?{self.request.url.query}" if self.request.url.query else "")

    @property
    def _path(self) -> str:
        """The path as the browser wrote it: decoded, an order number with a question mark in it would lead elsewhere."""
        return cast(bytes, self.request.scope["raw_path"]).decode("latin-1")

    @property
    def in_part(self) -> bool:
        """Whether htmx asks, to replace a part of a page."""
        return "hx-request" in self.request.headers

    def with_session(self, session: Session) -> "PageRequest":
        """The same visit with this session."""
        return replace(self, session=session)

    def may(self, role: Role) -> bool:
        """Whether the operator has this role or a higher one."""
        return self.operator is not None and self.operator.role.includes(role)

    @property
    def may_manage(self) -> bool:
        """Whether the operator is an administrator."""
        return self.may(ROLE_OF[Read.AUDIT])

    def text(self, name: str) -> str:
        """A parameter of the address, without the blanks around it; empty if it is missing."""
        return self.request.query_params.get(name, "").replace("\0", "\ufffd").strip()

    def named(self, part: str) -> str:
        """What stands in the path of the address where its route has {part}."""
        return str(self.request.path_params[part]).replace("\0", "\ufffd")

    def page(self, template: str, status: int = HTTPStatus.OK, **values: Any) -> Response:
        """A page made from a template."""
        said = flash_of(self.request.cookies.get(_SAID))
        common = {
            "visit": self,
            "operator": self.operator,
            "csrf": self.session.csrf if self.session else "",
            "said": said,
            "here": _NAVIGATION.get(first := f"/{self.request.url.path.split('/')[1]}", first),
            "first_path": first,
            "order_path": order_path,
        }
        response = HTMLResponse(render(template, self.language, **{**common, **values}), status)
        response.headers["vary"] = "accept-language, cookie"
        if said is not None:
            set_cookie(response, self.request, _SAID, "", 0)
        return response

    def go(self, path: str, said: Flash | None = None) -> Response:
        """Send the browser to another page of the console, which then says what was done."""
        response = RedirectResponse(path, HTTPStatus.SEE_OTHER)
        if said is not None:
            set_cookie(response, self.request, _SAID, said.value, _SAID_SECONDS)
        return response

    def refused(self, refused: Exception) -> Response:
        """The answer to an action that was not done: why, in words that hold nothing that was sent."""
        if isinstance(refused, NotFound):
            raise refused
        title = self.translated(_("It was not done"))
        return self.page(
            "trouble.html",
            HTTPStatus.CONFLICT,
            title=title,
            text=self.reason(refused),
            back=self.here,
        )

    def reason(self, refused: Exception) -> str:
        """Why something was refused, in the visit's language as far as it is in the catalogue."""
        return self.translated(words_of(refused))

    def translated(self, text: str) -> str:
        """A text of the catalogue in the visit's language."""
        return i18n.translations(self.language).gettext(text)

    def keep(self, response: Response, session: Session) -> Response:
        """Have the browser keep a session."""
        keep(response, self.request, session, self.dependencies.vault)
        return response

    def forget(self, response: Response) -> Response:
        """Have the browser forget its session."""
        forget(response, self.request)
        return response


def caller_of(request: Request) -> Caller:
    """Where a request comes from, behind trusted proxies too."""
    peer = request.client.host if request.client else ""
    return cast(ConsoleDependencies, request.app.state.dependencies).door.look(
        peer, request.headers.raw
    )


def session_of(request: Request) -> Session | None:
    """The session that a request's cookie carries."""
    return opened(
        request.cookies.get(COOKIE), cast(ConsoleDependencies, request.app.state.dependencies).vault
    )


async def operator_of(visit: PageRequest) -> Operator | None:
    """Who is signed in, if the token is still good and the session was not signed out, here or in another process."""
    session, dependencies = visit.session, visit.dependencies
    if session is None or session.token is None:
        return None
    operator = await dependencies.tokens.authenticate(session.token)
    return (
        None if operator is None or await is_ended(dependencies.sessions, session.id) else operator
    )


def language_of(request: Request) -> Language:
    """The language that was chosen, or that the browser asks for."""
    return choose(request.cookies.get(i18n.COOKIE), request.headers.get("accept-language", ""))


def path_here(target: str) -> str:
    """A path of this console from text that may come from elsewhere; the first page if it leads away."""
    leads_away = (
        not target.startswith("/")
        or target.startswith(("//", "/\\"))
        or any(ord(character) < 0x21 for character in target)
    )
    return "/" if leads_away else target


def order_path(order_no: str, page: str = "/orders") -> str:
    """The address of an order's page, or of another page or form about it."""
    return f"{page}/{quote(order_no, safe='')}"
