"""Server certificates: expiry, and verification errors, read from a TLS handshake."""

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
    """A certificate that a server presented.

    `error` is the error of its verification, or None when a client accepts it.
    """

    expires_at: datetime
    error: str | None


async def look_at_certificate(
    host: str, port: int, context: ssl.SSLContext | None = None, *, address: str | None = None
) -> SeenCertificate:
    """Return the certificate from a TLS handshake with `host`, at `address` if given.

    `context` replaces the system's certificate authorities. Raises OSError when the handshake
    fails.
    """
    try:
        verified = context or ssl.create_default_context()
        presented = await _handshake(host, address or host, port, verified)
        problem = None
    except ssl.SSLCertVerificationError as error:
        unverified = ssl.create_default_context()
        unverified.check_hostname = False
        unverified.verify_mode = ssl.CERT_NONE
        presented = await _handshake(host, address or host, port, unverified)
        problem = error.verify_message
    return SeenCertificate(x509.load_der_x509_certificate(presented).not_valid_after_utc, problem)


async def look_up_certificate(
    host: str, port: int, resolver: VettingResolver, context: ssl.SSLContext | None = None
) -> SeenCertificate:
    """Look up `host` with `resolver` and return the certificate of its first address that answers.

    Raises OSError when there is no address or the handshake fails.
    """
    async with asyncio.timeout(SECONDS):
        addresses = await resolver.addresses(host)
    return await look_at_first(host, port, [str(address) for address in addresses], context)


async def look_at_first(
    host: str, port: int, addresses: Sequence[str], context: ssl.SSLContext | None = None
) -> SeenCertificate:
    """Return the certificate of the first of `addresses` that answers.

    Raises OSError when the handshake fails.
    """
    for address in addresses[:-1]:
        with suppress(ConnectionError, TimeoutError):
            return await look_at_certificate(host, port, context, address=address)
    return await look_at_certificate(host, port, context, address=addresses[-1])


async def _handshake(host: str, address: str, port: int, context: ssl.SSLContext) -> bytes:
    """Return the server's own certificate, in DER."""
    async with asyncio.timeout(SECONDS):
        _, writer = await asyncio.open_connection(address, port, ssl=context, server_hostname=host)
        try:
            presented = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
        finally:
            writer.transport.abort()
    if not isinstance(presented, bytes):
        raise ConnectionError("the server presented no certificate")
    return presented
