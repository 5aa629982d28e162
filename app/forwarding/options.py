"""Options of delivery: the settings that a forwarder needs, in one value."""

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
    """Options of one worker.

    - `lease`: time for which other workers pass over a claimed webhook, from the last renewal.
    - `stop_s`: seconds that sends in flight may take after a stop.
    - `pause_after`: time after which a failing subscriber is paused.
    - `resume_rate`: webhooks a second of its backlog for a subscriber that was resumed.
    - `tls` and `lookup`: replace the system's certificates and resolver.
    - `lookup_limits`: limits of the threads that look names up.
    - `proxy`: URL of a forward proxy.
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
    tls_contexts: TlsContexts | None = None
    proxy: str | None = field(default=None, repr=False)

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the options of the settings. Raise WrongSettings for an unusable CA file."""
        proxy = settings.subscriber_proxy
        return cls(
            schedule=tuple(settings.retry_schedule),
            concurrency=settings.worker_concurrency,
            order_hold=settings.order_hold,
            lease=settings.worker_lease,
            pause_after=settings.pause_after,
            resume_rate=settings.resume_rate,
            networks=tuple(settings.subscriber_networks),
            allow_http=settings.allow_http_subscribers,
            tls_contexts=_tls_of(settings),
            proxy=proxy.get_secret_value() if proxy else None,
        )


def _tls_of(settings: Settings) -> TlsContexts:
    contexts = TlsContexts(settings.subscriber_ca_file)
    try:
        contexts.context(PLAIN)
    except OSError as error:  # an SSLError is one
        raise WrongSettings(
            f"{variable_of('subscriber_ca_file')}: "
            f"holds no certificates that can be read ({error.strerror})"
        ) from None
    return contexts
