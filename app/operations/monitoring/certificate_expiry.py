"""The end of the public certificate, as a metric: looked at from outside, once an hour."""

import time
from urllib.parse import urlsplit

from app.db.connections import describe_error
from app.logs import get_logger
from app.metrics import certificate_expiry_timestamp
from app.network.certificates import look_at_certificate
from app.operations.monitoring.collector import Measured

EVERY_SECONDS = 3_600.0
AFTER_FAILURE_SECONDS = 300.0

log = get_logger("watch")


class CertificateWatch:
    """A job of the watch."""

    def __init__(self, public_url: str) -> None:
        """`public_url` is RELAY_PUBLIC_URL, an https:// URL."""
        parts = urlsplit(public_url)
        self._host, self._port = parts.hostname or "", parts.port or 443
        self._due = 0.0

    async def __call__(self, _: Measured | None = None) -> None:
        """Look at the certificate if it is time to."""
        if time.monotonic() < self._due:
            return
        self._due = time.monotonic() + AFTER_FAILURE_SECONDS
        try:
            seen = await look_at_certificate(self._host, self._port)
        except OSError as error:  # an SSLError is one, and a timeout
            log.warning("certificate_not_seen", error=describe_error(error))
            return
        self._due = time.monotonic() + EVERY_SECONDS
        certificate_expiry_timestamp.labels(self._host).set(seen.expires_at.timestamp())
