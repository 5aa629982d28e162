"""The settings of delivery in one value."""

import ssl
from dataclasses import dataclass
from datetime import timedelta
from typing import Self

from app.forwarding.resolver import Lookup, system_lookup
from app.forwarding.sender import TimeLimits
from app.settings import Network, Settings


@dataclass(frozen=True, slots=True)
class ForwardingOptions:
    """How one worker delivers.

    `lease` is how long others leave a claimed webhook alone after this worker's last sign of life. `stop_s` is how many seconds sends
    under way may take after a stop. `tls` and `lookup` stand in for the system's trust and resolver.
    """

    schedule: tuple[timedelta, ...]
    concurrency: int = 200
    order_hold: timedelta = timedelta(hours=1)
    networks: tuple[Network, ...] = ()
    allow_http: bool = False
    limits: TimeLimits = TimeLimits()  # noqa: RUF009  (frozen)
    lease: timedelta = timedelta(seconds=60)
    stop_s: float = 20.0
    tls: ssl.SSLContext | None = None
    lookup: Lookup = system_lookup

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The options that the settings give."""
        return cls(
            schedule=tuple(settings.retry_schedule),
            concurrency=settings.worker_concurrency,
            order_hold=settings.order_hold,
            lease=settings.worker_lease,
            networks=tuple(settings.subscriber_networks),
            allow_http=settings.allow_http_subscribers,
        )
