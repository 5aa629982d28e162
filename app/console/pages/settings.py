"""What is configured, and where it comes from."""

from starlette.responses import Response

from app.console.visit import Visit


async def show(visit: Visit) -> Response:
    """Every setting."""
    return visit.page("settings.html", settings=visit.parts.settings)
