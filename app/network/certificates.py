"""Looking at the certificate that a server shows: when it ends, and whether it would be believed."""

import asyncio
import ssl
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509

from app.network.resolver import VettingResolver

SECONDS = 5.0


@dataclass(frozen=True, slots=True)
class SeenCertificate:
    """What a server showed. `trouble` says why a client would refuse it, None if it would not."""

    expires_at: datetime
    trouble: str | None


async def look_at_certificate(
    host: str, port: int, trust: ssl.SSLContext | None = None, *, address: str | None = None
) -> SeenCertificate:
    """Do a TLS handshake with `host`, at `address` if given, and return what was shown. `trust` stands in for the system's.

    Raises OSError if there is no handshake.
    """
    try:
        shown = await _handshake(host, address or host, port, trust or ssl.create_default_context())
        trouble = None
    except ssl.SSLCertVerificationError as error:
        unbelieving = ssl.create_default_context()
        unbelieving.check_hostname = False
        unbelieving.verify_mode = ssl.CERT_NONE
        shown = await _handshake(host, address or host, port, unbelieving)
        trouble = error.verify_message
    return SeenCertificate(x509.load_der_x509_certificate(shown).not_valid_after_utc, trouble)


async def look_up_certificate(
    host: str, port: int, resolver: VettingResolver, trust: ssl.SSLContext | None = None
) -> SeenCertificate:
    """Look up `host`, in a thread of `resolver`, and return what its first address that answers shows.

    Raise OSError if there is no address or no handshake.
    """
    async with asyncio.timeout(SECONDS):
        found = await resolver.resolve(host)
    return await look_at_first(host, port, [result["host"] for result in found], trust)


async def look_at_first(
    host: str, port: int, addresses: Sequence[str], trust: ssl.SSLContext | None = None
) -> SeenCertificate:
    """Return what the first of `addresses` that answers shows. Raise OSError if there is no handshake."""
    for address in addresses[:-1]:
        with suppress(ConnectionError, TimeoutError):
            return await look_at_certificate(host, port, trust, address=address)
    return await look_at_certificate(host, port, trust, address=addresses[-1])


async def _handshake(host: str, address: str, port: int, context: ssl.SSLContext) -> bytes:
    """The certificate of the server itself, in DER."""
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
        try:
            shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.transport.abort()
    if not isinstance(shown, bytes):
        raise ConnectionError("the server showed no certificate")
    return shown
