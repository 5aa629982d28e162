"""What is configured, and where it comes from."""

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.views.effective_settings import Origin


async def show(visit: PageRequest) -> Response:
    """Every setting: first those that were set, then those that are as they come."""
    given = [
        setting for setting in visit.dependencies.settings if setting.origin is not Origin.DEFAULT
    ]
    usual = [setting for setting in visit.dependencies.settings if setting.origin is Origin.DEFAULT]
    return visit.page("settings.html", given=given, usual=usual)
