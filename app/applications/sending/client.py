"""HTTP client of applications: one POST on a connection of its own, and what came back."""

import asyncio
import ssl
import time
from collections.abc import Sequence
from importlib.metadata import version
from types import SimpleNamespace
from typing import Any

import aiohttp

from app.applications.sending.exchange import ZeusExchange
from app.db.connections import describe_error
from app.network.address_rules import Address, DestinationRefused, exact_url, literal_address
from app.network.aiohttp_resolver import AiohttpResolver
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver, system_lookup
from app.settings import Network
from app.zeus.application_answer import MAX_ANSWER_BYTES

CONNECT_SECONDS = 5.0
_HEADERS = {
    "content-type": "application/x-www-form-urlencoded",
    "user-agent": f"zeus-relay/{version('zeus-relay')}",
    "accept": "text/plain, */*",
    "accept-encoding": "identity",  # an answer is kept and read as it came
}
_FAILURES = (aiohttp.ClientError, OSError, DestinationRefused, ssl.SSLError, ValueError)


class ZeusClient:
    """Posts applications. Follows no redirect, uses no proxy, and never sends one twice.

    Every POST has a connection of its own. So a failure before its connection stood is certain to
    have sent nothing.
    """

    def __init__(
        self,
        url: str,
        *,
        networks: Sequence[Network] = (),
        total_s: float = 40.0,
        connect_s: float = CONNECT_SECONDS,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
    ) -> None:
        """Open the client; the event loop must be running.

        `networks` are allowed for http:// beside loopback. `tls` replaces the system's trust.
        """
        self._url = exact_url(url)
        self._is_plain = self._url.scheme == "http"
        self._networks = networks
        self._total_s = total_s
        tracing = aiohttp.TraceConfig()
        tracing.on_connection_create_end.append(_note_connection)
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=AiohttpResolver(VettingResolver((), lookup, check=self._check)),
                ssl=tls or application_tls(),
                limit=0,
                force_close=True,
                use_dns_cache=False,
            ),
            timeout=aiohttp.ClientTimeout(total=total_s, connect=min(connect_s, total_s)),
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            trust_env=False,
            trace_configs=[tracing],
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()

    async def post(self, form: bytes) -> ZeusExchange:
        """POST the form. Failures are part of the exchange, not exceptions."""
        exchange, begun_at = ZeusExchange(), time.monotonic()
        try:
            literal = literal_address(self._url.raw_host or "")
            if literal is not None:  # the HTTP client asks no resolver for it
                self._check(literal)
            async with asyncio.timeout(self._total_s):
                await self._exchange(form, exchange)
        except _FAILURES as error:
            exchange.failure = _describe(error)
        exchange.seconds = time.monotonic() - begun_at
        return exchange

    async def _exchange(self, form: bytes, exchange: ZeusExchange) -> None:
        async with self._session.post(
            self._url,
            data=form,
            headers=_HEADERS,
            allow_redirects=False,
            trace_request_ctx=exchange,
        ) as response:
            exchange.status = response.status
            encoding = response.headers.get("content-encoding", "identity").strip().lower()
            exchange.packed = encoding not in ("", "identity")
            chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
            exchange.until_close = not chunked and "content-length" not in response.headers
            try:
                exchange.complete = await _read(response, exchange)
            finally:
                response.close()

    def _check(self, address: Address) -> None:
        """Raise DestinationRefused for an address that an http:// application must not go to."""
        if self._is_plain and not may_be_plain(address, self._networks):
            raise DestinationRefused(
                "http:// applications go to this machine and to RELAY_APPLICATION_NETWORKS alone"
            )


def may_be_plain(address: Address, networks: Sequence[Network]) -> bool:
    """Return True if an application may go to this address unencrypted."""
    mapped = getattr(address, "ipv4_mapped", None) or address
    return mapped.is_loopback or any(mapped in network for network in networks)


def application_tls() -> ssl.SSLContext:
    """Return the TLS context of applications: verified, TLS 1.2 or later (manual, connection)."""
    context = ssl.create_default_context()
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    return context


async def _read(response: aiohttp.ClientResponse, exchange: ZeusExchange) -> bool:
    """Read the body into `exchange`. Return False if it is longer than any answer."""
    body = bytearray()
    try:
        while len(body) <= MAX_ANSWER_BYTES:
            piece = await response.content.read(MAX_ANSWER_BYTES + 1 - len(body))
            if not piece:
                return True
            body += piece
        return False
    finally:
        exchange.body = bytes(body)


async def _note_connection(_session: Any, context: SimpleNamespace, _parameters: Any) -> None:
    context.trace_request_ctx.begun = True


def _describe(error: BaseException) -> str:
    if isinstance(error, DestinationRefused):
        return str(error)
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate refused: {cause.verify_message}"
    return describe_error(cause)
