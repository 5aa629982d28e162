"""Settings page: effective values and their sources.

A short module, because each page has its own.
"""

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.views.effective_settings import Origin


async def show(page_request: PageRequest) -> Response:
    """Show every setting: first those that are set, then the defaults."""
    given = [
        setting
        for setting in page_request.dependencies.settings
        if setting.origin is not Origin.DEFAULT
    ]
    defaults = [
        setting
        for setting in page_request.dependencies.settings
        if setting.origin is Origin.DEFAULT
    ]
    return page_request.page("settings.html", given=given, defaults=defaults)
