"""Outcome of one attempt to deliver a webhook."""

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class OutcomeKind(StrEnum):
    """Kind of outcome, stored with the attempt and counted in metrics."""

    DELIVERED = "delivered"
    DNS = "dns"
    REFUSED = "refused"
    UNREACHABLE = "unreachable"
    TLS = "tls"
    TIMEOUT = "timeout"
    RESET = "reset"
    BAD_RESPONSE = "bad_response"
    REDIRECT = "redirect"
    HTTP_4XX = "http_4xx"
    HTTP_5XX = "http_5xx"
    GONE = "gone"
    TOO_MANY_REQUESTS = "too_many_requests"
    DESTINATION_REFUSED = "destination_refused"
    OWN_SIDE = "own_side"

    @property
    def charged(self) -> bool:
        """Whether the attempt counts against the schedule: a failure on our own side does not."""
        return self is not OutcomeKind.OWN_SIDE


@dataclass(frozen=True, slots=True)
class DeliveryOutcome:
    """End of one attempt. `excerpt` is the beginning of the answer's body, or else the error."""

    kind: OutcomeKind
    http_status: int | None = None
    excerpt: str | None = None
    retry_after: timedelta | None = None
    """The wait that the subscriber asked for by Retry-After, unchecked."""


_BY_STATUS = {410: OutcomeKind.GONE, 429: OutcomeKind.TOO_MANY_REQUESTS}
_BY_CLASS = {
    2: OutcomeKind.DELIVERED,
    3: OutcomeKind.REDIRECT,
    4: OutcomeKind.HTTP_4XX,
    5: OutcomeKind.HTTP_5XX,
}


def kind_of_status(status: int) -> OutcomeKind:
    """Return the kind of outcome of an HTTP status."""
    return _BY_STATUS.get(status) or _BY_CLASS.get(status // 100, OutcomeKind.BAD_RESPONSE)
