"""Onboarding page: statuses and parameters that the operational test with Zeus has produced."""

from collections.abc import Sequence

from starlette.responses import Response

from app.console.http.page_request import PageRequest
from app.console.texts.labels import _
from app.operations.doctor.onboarding import (
    DEFAULT_DAYS,
    NEEDED,
    ONLY_SOME_STORES,
    Onboarding,
    ParameterSeen,
    Way,
    read_onboarding,
)

_ASK = _("Ask Zeus's sales desk to send it.")
_ASK_NEEDED = _("Ask Zeus's sales desk to send it: without it no call can be judged.")
_ASK_SOME_STORES = _(
    "Ask Zeus's sales desk to send it. Only ローソン, ファミリーマート and ミニストップ have it."
)


async def show(page_request: PageRequest) -> Response:
    """Show the statuses and parameters that arrived recently, and the missing ones."""
    found = await read_onboarding(page_request.dependencies.sessions, DEFAULT_DAYS)
    asked = {
        seen.name: page_request.translated(_words(seen)) for seen in found.parameters if seen.todo
    }
    return page_request.page(
        "onboarding.html", found=found, days=DEFAULT_DAYS, asked=asked, to_test=_to_test(found)
    )


def _to_test(found: Onboarding) -> Sequence[str]:
    """Return the missing statuses that a test with Zeus can produce."""
    return [
        seen.status
        for seen in found.statuses
        if not seen.calls and seen.way not in (Way.IF_ORDERED, Way.SIMULATED)
    ]


def _words(seen: ParameterSeen) -> str:
    if seen.name in NEEDED:
        return _ASK_NEEDED
    return _ASK_SOME_STORES if seen.name in ONLY_SOME_STORES else _ASK
