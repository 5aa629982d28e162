"""The settings of delivery in one value."""

import ssl
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Self

from app.forwarding.destinations.connection_options import PLAIN
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.destinations.http.tls import TlsContexts
from app.forwarding.subscribers.health import PAUSE_AFTER
from app.network.lookups import Lookup, LookupLimits
from app.network.resolver import system_lookup
from app.settings import Network, Settings, WrongSettings, variable_of


@dataclass(frozen=True, slots=True)
class ForwardingOptions:
    """How one worker delivers.

    `lease` is how long others leave a claimed webhook alone after this worker's last sign of life. `stop_s` is how many seconds sends
    under way may take after a stop. `pause_after` is how long a subscriber may fail; `resume_rate` is how many webhooks a second of a
    backlog go to a subscriber that was resumed. `tls` and `lookup` stand in for the system's trust and resolver;
    `lookup_limits` bound its threads.
    `proxy` is the URL of a forward proxy.
    """

    schedule: tuple[timedelta, ...]
    concurrency: int = 200
    order_hold: timedelta = timedelta(hours=1)
    networks: tuple[Network, ...] = ()
    allow_http: bool = False
    limits: TimeLimits = TimeLimits()  # noqa: RUF009  (frozen)
    lease: timedelta = timedelta(seconds=60)
    pause_after: timedelta = PAUSE_AFTER
    resume_rate: int = 20
    stop_s: float = 20.0
    tls: ssl.SSLContext | None = None
    lookup: Lookup = system_lookup
    lookup_limits: LookupLimits = LookupLimits()  # noqa: RUF009  (frozen)
    trust: TlsContexts | None = None
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """The options that the settings give. Raises WrongSettings for a file of authorities that cannot be used."""
        return cls(
            schedule=tuple(settings.retry_schedule),
            concurrency=settings.worker_concurrency,
            order_hold=settings.order_hold,
            lease=settings.worker_lease,
            pause_after=settings.pause_after,
            resume_rate=settings.resume_rate,
            networks=tuple(settings.subscriber_networks),
            allow_http=settings.allow_http_subscribers,
            trust=_tls_of(settings),
            proxy=settings.subscriber_proxy.get_secret_value()
            if settings.subscriber_proxy
            else None,
        )


def _tls_of(settings: Settings) -> TlsContexts:
    trust = TlsContexts(settings.subscriber_ca_file)
    try:
        trust.context(PLAIN)
    except OSError as error:  # an SSLError is one
        raise WrongSettings(
            f"{variable_of('subscriber_ca_file')}: holds no certificates that can be read ({error.strerror})"
        ) from None
    return trust
