"""Report of an operational test: one page to print and to send to Zeus. No personal data."""

from dataclasses import replace

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.pages.onboarding.runs import RunNotFound, run_shown
from app.console.texts.i18n import Language


async def show(page_request: PageRequest) -> Response:
    """Show the report of a run, in Japanese unless the address asks for English."""
    view = await run_shown(page_request)
    if view is None:
        raise RunNotFound
    asked = page_request.text("lang")
    language = Language(asked) if asked in list(Language) else Language.JAPANESE
    return replace(page_request, language=language).page("test_report.html", view=view)
