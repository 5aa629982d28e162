"""HTTP sender: POST one webhook and read the beginning of the answer."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from uuid import UUID

import aiohttp
from yarl import URL

from app.clock import now
from app.events.payload import body
from app.events.signature import signed_headers
from app.forwarding.destinations.connection_options import PLAIN, ConnectionOptions
from app.forwarding.destinations.http.answer import Answer, AnswerConnector, capture_answer
from app.forwarding.destinations.http.errors import FAILURES, describe, outcome_of
from app.forwarding.destinations.http.proxy import ProxyResolver, ProxyRoutes, Route
from app.forwarding.destinations.http.tls import TlsContexts
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind, kind_of_status
from app.forwarding.webhook import ClaimedWebhook
from app.logs import get_logger
from app.network.address_rules import DestinationRefused, check_address, literal_address, parse_url
from app.network.lookups import Lookup, LookupLimits
from app.network.resolver import VettingResolver, system_lookup
from app.settings import Network
from app.tracing import spans

EXCERPT_BYTES = 2_048
REST_SECONDS = 5.0
"""Longest time for the body of an answer: nothing but the excerpt depends on it."""
_READ_BUFFER = 4_096
_CONTENTS = 256
_URLS = 10_000
# Common servers close idle connections after 5 s. We close them first, because a request on a
# connection that is being closed fails.
_KEEP_ALIVE_S = 4.0
_BASE_HEADERS = {
    "content-type": "application/json",
    "user-agent": f"zeus-relay/{version('zeus-relay')}",
    "accept-encoding": "identity",  # a small answer must not unpack into a large one
}

log = get_logger("forwarding")


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for connecting (name, TCP and TLS together) and for the whole attempt."""

    connect_s: float = 5.0
    total_s: float = 15.0


class Sender:
    """One HTTP client for all subscribers.

    It keeps no cookies, follows no redirects and uses no proxy of the environment.
    """

    def __init__(
        self,
        *,
        networks: Sequence[Network] = (),
        allow_http: bool = False,
        limits: TimeLimits | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
        lookup_limits: LookupLimits | None = None,
        tls_contexts: TlsContexts | None = None,
        proxy: str | None = None,
    ) -> None:
        """Open the client; the event loop must be running.

        `networks` are allowed beside public addresses. `tls` replaces the system's certificates for
        subscribers without certificates of their own; `tls_contexts` makes the contexts of the
        others. `proxy` is the http:// URL of a forward proxy for every request.
        """
        self._networks = networks
        self._allow_http = allow_http
        self._connect_s = (limits or TimeLimits()).connect_s
        self._default_timeout = self._timeout((limits or TimeLimits()).total_s)
        self._urls: dict[str, URL] = {}
        self._contents: dict[tuple[UUID, bool], bytes] = {}
        self._tls_contexts = tls_contexts or TlsContexts()
        self._resolver = VettingResolver(networks, lookup, lookup_limits)
        self._routes = ProxyRoutes(proxy, self._resolver, self._connect_s) if proxy else None
        self._session = aiohttp.ClientSession(
            connector=AnswerConnector(
                resolver=ProxyResolver(lookup) if proxy else self._resolver,
                ssl=tls or self._tls_contexts.context(PLAIN),
                limit=0,  # the forwarder limits the sends in flight
                keepalive_timeout=_KEEP_ALIVE_S,
            ),
            response_class=Answer,
            cookie_jar=aiohttp.DummyCookieJar(),
            auto_decompress=False,
            read_bufsize=_READ_BUFFER,
            trust_env=False,
        )

    async def close(self) -> None:
        """Close every connection."""
        await self._session.close()
        if self._routes is not None:
            await self._routes.close()

    async def ready(self, webhook: ClaimedWebhook) -> bool:
        """Wait for a thread that looks the name up. Return False when that takes too long.

        Call it before `send`: the wait for others' look-ups does not count against the attempt's
        time limits.
        """
        try:
            host = self._url(webhook.target.url).raw_host or ""
        except DestinationRefused:
            return True  # `send` returns that outcome
        return literal_address(host) is not None or await self._resolver.begin(host)

    async def send(
        self, webhook: ClaimedWebhook, keys: Sequence[str], connection: ConnectionOptions = PLAIN
    ) -> DeliveryOutcome:
        """POST `webhook`, signed with each of `keys`.

        Failures of the network and of the subscriber are outcomes, not exceptions.
        """
        if not spans.is_tracing():
            return await self._send(webhook, keys, connection, {})
        span = _span_of(webhook)
        outcome = await self._send(webhook, keys, connection, span.headers)
        try:
            span.end(
                {"outcome": outcome.kind.value}, failed=outcome.kind is not OutcomeKind.DELIVERED
            )
        except Exception as error:  # the webhook was answered, even if its trace is lost
            log.warning("span_not_ended", error=type(error).__name__)
        return outcome

    async def _send(
        self,
        webhook: ClaimedWebhook,
        keys: Sequence[str],
        connection: ConnectionOptions,
        extra: Mapping[str, str],
    ) -> DeliveryOutcome:
        """Make the attempt. A complete status line decides the outcome, even if the rest fails."""
        body = bytearray()
        failure: BaseException | None = None
        with capture_answer() as captured:
            try:
                await self._exchange(webhook, keys, connection, extra, body)
            except (Exception, asyncio.CancelledError) as error:
                failure = error
        if captured.status is not None:
            kind = kind_of_status(captured.status)
            retry_after = (
                None
                if kind is OutcomeKind.DELIVERED
                else parse_retry_after(captured.retry_after, webhook.database_now)
            )
            return DeliveryOutcome(kind, captured.status, _excerpt(body, failure), retry_after)
        if isinstance(failure, FAILURES):
            return outcome_of(failure)
        raise failure or AssertionError("an answer without a status line")

    async def _exchange(
        self,
        webhook: ClaimedWebhook,
        keys: Sequence[str],
        connection: ConnectionOptions,
        extra: Mapping[str, str],
        body: bytearray,
    ) -> None:
        """POST the webhook and read the beginning of the answer's body into `body`."""
        url = self._url(webhook.target.url)
        route = await self._routes.to(url) if self._routes else Route(url)
        content = self._content(webhook)
        signed = signed_headers(str(webhook.event_id), webhook.database_now, content, keys)
        headers = {**dict(connection.headers), **_BASE_HEADERS, **route.headers, **extra, **signed}
        options = {
            "timeout": self._timeout_of(webhook),
            "allow_redirects": False,
            **self._tls(connection),
            **route.options,
        }
        async with self._session.post(
            route.url, data=content, headers=headers, **options
        ) as response:
            # A short answer has come with its status: no wait, and no time limit that costs time.
            within = nullcontext() if response.content.is_eof() else asyncio.timeout(REST_SECONDS)
            async with within:
                await _read_beginning(response, body)

    def _content(self, webhook: ClaimedWebhook) -> bytes:
        """Return the body. Recent ones are kept: an event goes to several subscribers together."""
        key = (webhook.event_id, webhook.customer is not None)
        content = self._contents.get(key)
        if content is None:
            if len(self._contents) >= _CONTENTS:
                self._contents.clear()
            content = self._contents[key] = body(
                webhook.event_type, webhook.created_at, webhook.data, webhook.customer
            )
        return content

    def _url(self, text: str) -> URL:
        url = self._urls.get(text)
        if url is None:
            url = parse_url(text, self._allow_http)
            literal = literal_address(url.raw_host or "")
            if literal is not None:  # the HTTP client asks no resolver for it
                check_address(literal, self._networks)
            if len(self._urls) > _URLS:
                self._urls.clear()
            self._urls[text] = url
        return url

    def _tls(self, connection: ConnectionOptions) -> dict[str, ssl.SSLContext]:
        if connection.ca is None and connection.client_certificate is None:
            return {}
        return {"ssl": self._tls_contexts.context(connection)}

    def _timeout_of(self, webhook: ClaimedWebhook) -> aiohttp.ClientTimeout:
        own = webhook.target.timeout_s
        return self._default_timeout if own is None else self._timeout(own)

    def _timeout(self, total_s: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=total_s, connect=min(self._connect_s, total_s))


def _span_of(webhook: ClaimedWebhook) -> spans.Send:
    """Begin the span of an attempt, in the trace of the call behind the event."""
    notice_id = json.loads(webhook.data).get("notice_id")
    attributes = {
        "outbound_webhook_id": webhook.id,
        "attempt": webhook.attempts + webhook.excused + 1,
    }
    return spans.Send(webhook.event_id, UUID(notice_id) if notice_id else None, attributes)


async def _read_beginning(response: aiohttp.ClientResponse, body: bytearray) -> None:
    """Read the beginning of the answer's body; close the connection of a longer one."""
    while len(body) < EXCERPT_BYTES and not response.content.at_eof():
        body += await response.content.read(EXCERPT_BYTES - len(body))
    if not response.content.at_eof():
        response.close()


def _excerpt(body: bytearray, failure: BaseException | None) -> str | None:
    """Return the beginning of the answer's body, or without one the failure after its status."""
    if not body and failure is not None:
        return f"the answer broke off after its status: {describe(failure)}"
    return body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None


def parse_retry_after(value: str, at: datetime | None = None) -> timedelta | None:
    """Return the wait that a Retry-After asks for, or None without a readable value.

    The value is a number of seconds or a date. A date counts from `at`, by default from now.
    """
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:12]), 10**9))
    try:
        moment: datetime = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - (at or now())
    except (ValueError, TypeError, ArithmeticError, LookupError):  # the parser raises all of these
        return None
