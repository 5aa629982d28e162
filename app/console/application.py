"""ASGI application of the console: one table of pages, forms and the roles they need."""

from collections.abc import Sequence
from dataclasses import dataclass

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles

from app.console.http.dependencies import ConsoleDependencies
from app.console.http.error_pages import not_found, wrong_method
from app.console.http.middleware import Page, guarded
from app.console.http.page_request import PageRequest, language_of
from app.console.http.security_headers import SafeHeaders
from app.console.pages import (
    attention,
    audit,
    exports,
    notices,
    orders,
    reconciliations,
    reviews,
    settings,
    sign_in,
    subscribers,
    today,
    tokens,
    totals,
)
from app.console.pages.applications import details as application_details
from app.console.pages.applications import form as application_form
from app.console.pages.applications import listing as application_listing
from app.console.pages.mails import details as mail_details
from app.console.pages.mails import listing as mail_listing
from app.console.pages.onboarding import overview as onboarding
from app.console.pages.onboarding import report as onboarding_report
from app.console.texts.templates import FILES, STATIC
from app.operations.access.permissions import ROLE_OF, Action, Read, Role


@dataclass(frozen=True, slots=True)
class Entry:
    """A page or form: method, path, handler, and the role it needs (None: no sign-in)."""

    method: str
    path: str
    page: Page
    role: Role | None
    takes_file: bool = False


def _page(path: str, page: Page, needs: Action | Read = Read.RECORDS) -> Entry:
    return Entry("GET", path, page, ROLE_OF[needs])


def _form(path: str, page: Page, action: Action) -> Entry:
    return Entry("POST", path, page, ROLE_OF[action])


ENTRIES: Sequence[Entry] = (
    Entry("GET", "/sign-in", sign_in.show, None),
    Entry("POST", "/sign-in", sign_in.sign_in, None),
    Entry("POST", "/sign-out", sign_in.sign_out, None),
    Entry("POST", "/language", sign_in.change_language, None),
    _page("/", today.show),
    _page("/orders", orders.search),
    _page("/orders.csv", exports.orders),
    _page("/totals", totals.show),
    _page("/totals.csv", exports.totals),
    _page("/reviews.csv", exports.reviews),
    _page("/orders/{order_no:path}", orders.show),
    _form("/orders/{order_no:path}", orders.show_personal, Action.PERSONAL_DATA_SEEN),
    _form("/erase-order/{order_no:path}", orders.erase, Action.ORDER_ERASED),
    _form("/mark-unwanted/{order_no:path}", orders.mark_unwanted, Action.ORDER_UNWANTED),
    _form("/unmark-unwanted/{order_no:path}", orders.unmark_unwanted, Action.ORDER_WANTED),
    _page("/notices/{notice_id:uuid}", notices.show),
    _form("/notices/{notice_id:uuid}", notices.show_personal, Action.PERSONAL_DATA_SEEN),
    _form("/notices/{notice_id:uuid}/release", notices.release, Action.NOTICE_RELEASED),
    _form("/notices/{notice_id:uuid}/dismiss", notices.dismiss, Action.NOTICE_DISMISSED),
    _page("/applications", application_listing.show, Read.APPLICATIONS),
    _page("/applications/{application_id:uuid}", application_details.show, Read.APPLICATIONS),
    _form(
        "/applications/{application_id:uuid}",
        application_details.show_personal,
        Action.PERSONAL_DATA_SEEN,
    ),
    _form(
        "/applications/{application_id:uuid}/resolve",
        application_details.resolve,
        Action.APPLICATION_RESOLVED,
    ),
    _page(
        "/applications/{application_id:uuid}/page",
        application_details.show_result_page,
        Read.APPLICATIONS,
    ),
    _page("/apply", application_form.ask, Action.APPLICATION_SENT),
    _form("/apply", application_form.apply, Action.APPLICATION_SENT),
    _page("/mails", mail_listing.show),
    Entry("POST", "/mails", mail_listing.hand_in, ROLE_OF[Action.MAIL_HANDED_IN], takes_file=True),
    _page("/mails/{mail_id:uuid}", mail_details.show),
    _form("/mails/{mail_id:uuid}", mail_details.show_personal, Action.PERSONAL_DATA_SEEN),
    _form("/mails/{mail_id:uuid}/heal", mail_details.heal, Action.MAIL_HEALED),
    _form("/mails/{mail_id:uuid}/dismiss", mail_details.dismiss, Action.MAIL_DISMISSED),
    _page("/attention", attention.show),
    _page("/reviews/{review_id:uuid}", reviews.show),
    _form("/reviews/{review_id:uuid}/settle", reviews.settle, Action.REVIEW_SETTLED),
    _form("/reviews/{review_id:uuid}/notes", reviews.note, Action.REVIEW_NOTED),
    _page("/rejected-samples/{sample_id:uuid}", attention.show_sample),
    _form(
        "/rejected-samples/{sample_id:uuid}",
        attention.show_sample_in_full,
        Action.PERSONAL_DATA_SEEN,
    ),
    _form(
        "/rejected-samples/{sample_id:uuid}/release",
        attention.release_sample,
        Action.SAMPLE_RELEASED,
    ),
    _form(
        "/rejected-samples/{sample_id:uuid}/dismiss",
        attention.dismiss_sample,
        Action.SAMPLE_DISMISSED,
    ),
    _form("/outbound-webhooks/{webhook_id}/retry", attention.retry, Action.WEBHOOK_RETRIED),
    _form(
        "/outbound-webhooks/{webhook_id}/dismiss",
        attention.dismiss_webhook,
        Action.WEBHOOK_DISMISSED,
    ),
    _page("/reconciliations", reconciliations.show_all),
    Entry(
        "POST",
        "/reconciliations",
        reconciliations.start,
        ROLE_OF[Action.ORDERS_RECONCILED],
        takes_file=True,
    ),
    _page("/reconciliations/{reconciliation_id:uuid}", reconciliations.show),
    _page("/reconciliations/{reconciliation_id:uuid}/progress", reconciliations.show_progress),
    _page("/subscribers", subscribers.show_all),
    _page("/add-subscriber", subscribers.ask_for_new, Action.SUBSCRIBER_ADDED),
    _form("/add-subscriber", subscribers.add, Action.SUBSCRIBER_ADDED),
    _page("/subscribers/{name}", subscribers.show),
    _page("/subscribers/{name}/progress", subscribers.show_progress),
    _form("/subscribers/{name}/test", subscribers.test, Action.SUBSCRIBER_TESTED),
    _form("/subscribers/{name}/pause", subscribers.pause, Action.SUBSCRIBER_PAUSED),
    _form("/subscribers/{name}/resume", subscribers.resume, Action.SUBSCRIBER_RESUMED),
    _form("/subscribers/{name}/rotate", subscribers.rotate, Action.SECRET_ROTATED),
    _form("/subscribers/{name}/recover", subscribers.recover, Action.WEBHOOKS_RECOVERED),
    _page("/settings", settings.show),
    _page("/onboarding", onboarding.show),
    _form("/onboarding", onboarding.send, Action.APPLICATION_SENT),
    _page("/onboarding/progress", onboarding.show_progress),
    _page("/onboarding/report", onboarding_report.show),
    _page("/tokens", tokens.show, Read.TOKENS),
    _form("/tokens", tokens.create, Action.TOKEN_CREATED),
    _form("/tokens/{name}/revoke", tokens.revoke, Action.TOKEN_REVOKED),
    _page("/audit", audit.show, Read.AUDIT),
)
"""Every page and form of the console."""


def make_console(dependencies: ConsoleDependencies) -> Starlette:
    """Return the console's application."""
    routes = [
        Route(
            entry.path,
            guarded(entry.page, entry.role, takes_file=entry.takes_file),
            methods=[entry.method],
        )
        for entry in ENTRIES
    ]
    app = Starlette(
        routes=[*routes, Mount(FILES.rstrip("/"), StaticFiles(directory=STATIC))],
        middleware=[Middleware(SafeHeaders, files=FILES)],
        exception_handlers={404: _no_such_page, 405: _no_such_method},
    )
    app.router.redirect_slashes = False
    app.state.dependencies = dependencies
    return app


async def _no_such_page(request: Request, _: Exception) -> Response:
    return not_found(PageRequest(request, None, None, language_of(request)))


async def _no_such_method(request: Request, _: Exception) -> Response:
    return wrong_method(PageRequest(request, None, None, language_of(request)))
