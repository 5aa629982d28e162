"""Options of the command line for how a subscriber is sent webhooks: in what order, how many, and how long an attempt may take."""

from datetime import timedelta
from typing import Annotated

import typer

from app.settings import parse_duration

Ordered = Annotated[
    bool | None,
    typer.Option("--ordered/--unordered", help="Whether the events of one order come one after the other.", show_default=False),
]
MaxInFlight = Annotated[
    int | None,
    typer.Option("--max-in-flight", metavar="N", help="How many webhooks it is sent at once at most, 1 to 200.", show_default=False),
]
AttemptTimeout = Annotated[str | None, typer.Option("--timeout", help="How long an attempt may take, 1s to 60s.", show_default=False)]
RateLimit = Annotated[
    int | None, typer.Option("--rate-limit", metavar="N", help="How many webhooks a second it is sent at most.", show_default=False)
]

_MILLISECOND = timedelta(milliseconds=1)


def pace_of(ordered: bool | None, max_in_flight: int | None, timeout: str | None, rate_limit: int | None) -> dict[str, object]:
    """The fields that the options give, and no others."""
    fields: dict[str, object] = {"ordered": ordered, "max_in_flight": max_in_flight, "rate_limit": rate_limit}
    if timeout is not None:
        fields["timeout_ms"] = _milliseconds(timeout)
    return {field: value for field, value in fields.items() if value is not None}


def _milliseconds(duration: str) -> int:
    try:
        return parse_duration(duration) // _MILLISECOND
    except (ValueError, OverflowError):
        raise typer.BadParameter("must be a duration between 1s and 60s, such as 10s", param_hint="--timeout") from None
