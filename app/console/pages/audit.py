"""Audit page: actions of operators and views of personal data."""

from collections.abc import Mapping
from uuid import UUID

from starlette.responses import Response

from app.console.http.page_request import PageRequest, order_path
from app.console.texts.labels import _
from app.operations.access.audit import AuditEntry, AuditPage, list_audit
from app.operations.access.permissions import Action
from app.operations.errors import BadCursor
from app.operations.pagination import Place

_PAGE_SIZE = 50
_FIELDS = ("operator", "action", "subject")
_PAGES: Mapping[str, str] = {"subscriber": "/subscribers/", "notice": "/notices/"}


async def show(page_request: PageRequest) -> Response:
    """Show the entries that match the filter, newest first."""
    asked = {name: page_request.text(name) for name in _FIELDS}
    given = {name: value for name, value in asked.items() if value}
    action = asked["action"]
    try:
        if action and action not in list(Action):
            raise BadCursor
        page = await list_audit(
            page_request.dependencies.sessions,
            Place(page_request.text("cursor") or None, _PAGE_SIZE),
            operator=asked["operator"] or None,
            action=Action(action) if action else None,
            subject=asked["subject"] or None,
        )
        problem = None
    except BadCursor:
        page, problem = (
            AuditPage(items=[], next_cursor=None, has_more=False),
            page_request.translated(_("These search values are invalid.")),
        )
    rows = [(entry, *_subject(entry)) for entry in page.items]
    return page_request.page(
        "audit.html",
        asked=asked,
        given=given,
        found=page,
        rows=rows,
        actions=list(Action),
        problem=problem,
    )


def _subject(entry: AuditEntry) -> tuple[str, str, str | None]:
    """Return the subject's kind, its name or id, and the path of its page (None: no page)."""
    kind, _colon, name = entry.subject.partition(":")
    if kind == "order":
        return kind, name, order_path(name)
    if kind == "notice" and not _is_id(name):
        return kind, name, None
    return kind, name, f"{_PAGES[kind]}{name}" if kind in _PAGES else None


def _is_id(text: str) -> bool:
    try:
        UUID(text)
    except ValueError:
        return False
    return True
