"""Expiry of the public certificate as a metric: read from outside, once an hour."""

import time
from urllib.parse import urlsplit

from app.db.connections import describe_error
from app.forwarding.destinations.http.proxy import ANYWHERE
from app.logs import get_logger
from app.network.certificates import look_up_certificate
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver, system_lookup
from app.operations.monitoring.collector import Measured
from app.operations.monitoring.snapshot_gauges import certificate_expiry_timestamp

EVERY_SECONDS = 3_600.0
AFTER_FAILURE_SECONDS = 300.0

log = get_logger("watch")


class CertificateWatch:
    """Job of the watch that reads the certificate of the public URL."""

    def __init__(self, public_url: str, *, lookup: Lookup = system_lookup) -> None:
        """Watch `public_url`, an https:// URL. `lookup` replaces the system's resolver.

        Look-ups have their own thread: a silent name server must not block those of the event
        loop, which the database's name needs.
        """
        self._resolver = VettingResolver(ANYWHERE, lookup)
        split = urlsplit(public_url)
        self._host, self._port = split.hostname or "", split.port or 443
        self._due = 0.0

    async def __call__(self, _: Measured | None = None) -> None:
        """Read the certificate if that is due."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + AFTER_FAILURE_SECONDS
        try:
            seen = await look_up_certificate(self._host, self._port, self._resolver)
        except OSError as error:  # includes SSLError and TimeoutError
            log.warning("certificate_not_seen", error=describe_error(error))
            return
        self._due = time.monotonic() + EVERY_SECONDS
        certificate_expiry_timestamp.labels(self._host).set(seen.expires_at.timestamp())
