"""Sending one webhook over HTTP and reading no more of the answer than is worth keeping."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
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
from app.forwarding.destinations.http.answer import Answer, AnswerConnector, hearing
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
"""How long the rest of an answer may take after its head: nothing but the excerpt depends on it."""
_READ_BUFFER = 4_096
_CONTENTS = 256
_URLS = 10_000
_KEEP_ALIVE_S = 4.0  # below the 5 s after which common servers hang up, so that we are seldom the one who writes into a closed connection
_BASE_HEADERS = {
    "content-type": "application/json",
    "user-agent": f"zeus-relay/{version('zeus-relay')}",
    "accept-encoding": "identity",  # an answer is read as it comes, so a small one cannot unpack into a large one
}

log = get_logger("forwarding")


@dataclass(frozen=True, slots=True)
class TimeLimits:
    """Seconds for reaching a subscriber (name, connection and TLS together) and for the whole attempt."""

    connect_s: float = 5.0
    total_s: float = 15.0


class Sender:
    """One HTTP client for all subscribers. It keeps no cookies, follows no redirects and asks no proxy of the environment."""

    def __init__(
        self,
        *,
        networks: Sequence[Network] = (),
        allow_http: bool = False,
        limits: TimeLimits | None = None,
        tls: ssl.SSLContext | None = None,
        lookup: Lookup = system_lookup,
        lookup_limits: LookupLimits | None = None,
        trust: TlsContexts | None = None,
        proxy: str | None = None,
    ) -> None:
        """Must be made inside the event loop. `networks` are allowed beside public addresses.

        `tls` replaces the system's trust for subscribers without certificates of their own, for which `trust` makes the contexts.
        `proxy` is the http:// URL of a forward proxy that everything goes through.
        """
        self._networks = networks
        self._allow_http = allow_http
        self._connect_s = (limits or TimeLimits()).connect_s
        self._default_timeout = self._timeout((limits or TimeLimits()).total_s)
        self._urls: dict[str, URL] = {}
        self._contents: dict[tuple[UUID, bool], bytes] = {}
        self._trust = trust or TlsContexts()
        self._resolver = VettingResolver(networks, lookup, lookup_limits)
        self._routes = ProxyRoutes(proxy, self._resolver, self._connect_s) if proxy else None
        self._session = aiohttp.ClientSession(
            connector=AnswerConnector(
                resolver=ProxyResolver(lookup) if proxy else self._resolver,
                ssl=tls or self._trust.context(PLAIN),
                limit=0,  # the forwarder limits what is under way
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
        """Wait for what an attempt needs of this process; return False when that takes too long and nothing was tried.

        Call it before `send`, whose time limits begin when `send` does: waiting for others' look-ups is not the subscriber's time.
        """
        try:
            host = self._url(webhook.target.url).raw_host or ""
        except DestinationRefused:
            return True  # `send` says so
        return literal_address(host) is not None or await self._resolver.begin(host)

    async def send(
        self, webhook: ClaimedWebhook, keys: Sequence[str], transport: ConnectionOptions = PLAIN
    ) -> DeliveryOutcome:
        """POST `webhook`, signed with each of `keys`. Every way in which the network and the subscriber can fail is an Outcome."""
        if not spans.is_tracing():
            return await self._send(webhook, keys, transport, {})
        span = _span_of(webhook)
        outcome = await self._send(webhook, keys, transport, span.headers)
        try:
            span.end(
                {"outcome": outcome.kind.value}, failed=outcome.kind is not OutcomeKind.DELIVERED
            )
        except Exception as error:  # whatever becomes of the trace, the webhook was answered
            log.warning("span_not_ended", error=type(error).__name__)
        return outcome

    async def _send(
        self,
        webhook: ClaimedWebhook,
        keys: Sequence[str],
        transport: ConnectionOptions,
        extra: Mapping[str, str],
    ) -> DeliveryOutcome:
        """Make the attempt. Once a status line has come, its status is the outcome: nothing that fails after it changes that."""
        body = bytearray()
        trouble: BaseException | None = None
        with hearing() as heard:
            try:
                await self._exchange(webhook, keys, transport, extra, body)
            except (Exception, asyncio.CancelledError) as error:
                trouble = error
        if heard.status is not None:
            kind = kind_of_status(heard.status)
            retry_after = (
                None
                if kind is OutcomeKind.DELIVERED
                else parse_retry_after(heard.retry_after, webhook.database_now)
            )
            return DeliveryOutcome(kind, heard.status, _excerpt(body, trouble), retry_after)
        if isinstance(trouble, FAILURES):
            return outcome_of(trouble)
        raise trouble or AssertionError("an answer without a status line")

    async def _exchange(
        self,
        webhook: ClaimedWebhook,
        keys: Sequence[str],
        transport: ConnectionOptions,
        extra: Mapping[str, str],
        body: bytearray,
    ) -> None:
        """POST the webhook and read the beginning of the answer's body into `body`."""
        url = self._url(webhook.target.url)
        route = await self._routes.to(url) if self._routes else Route(url)
        content = self._content(webhook)
        signed = signed_headers(str(webhook.event_id), webhook.database_now, content, keys)
        headers = {**dict(transport.headers), **_BASE_HEADERS, **route.headers, **extra, **signed}
        options = {
            "timeout": self._timeout_of(webhook),
            "allow_redirects": False,
            **self._tls(transport),
            **route.options,
        }
        async with (
            self._session.post(route.url, data=content, headers=headers, **options) as response,
            asyncio.timeout(REST_SECONDS),
        ):
            await _read_beginning(response, body)

    def _content(self, webhook: ClaimedWebhook) -> bytes:
        """The body; one event goes to several subscribers at about the same time, so the last ones made are kept."""
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
            if literal is not None:  # for these the HTTP client asks no resolver
                check_address(literal, self._networks)
            if len(self._urls) > _URLS:
                self._urls.clear()
            self._urls[text] = url
        return url

    def _tls(self, transport: ConnectionOptions) -> dict[str, ssl.SSLContext]:
        if transport.ca is None and transport.client_certificate is None:
            return {}
        return {"ssl": self._trust.context(transport)}

    def _timeout_of(self, webhook: ClaimedWebhook) -> aiohttp.ClientTimeout:
        own = webhook.target.timeout_s
        return self._default_timeout if own is None else self._timeout(own)

    def _timeout(self, total_s: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=total_s, connect=min(self._connect_s, total_s))


def _span_of(webhook: ClaimedWebhook) -> spans.Send:
    """The span of an attempt, in the trace of the call that the event came from."""
    notice_id = json.loads(webhook.data).get("notice_id")
    attributes = {
        "outbound_webhook_id": webhook.id,
        "attempt": webhook.attempts + webhook.excused + 1,
    }
    return spans.Send(webhook.event_id, UUID(notice_id) if notice_id else None, attributes)


async def _read_beginning(response: aiohttp.ClientResponse, body: bytearray) -> None:
    """Read the beginning of the answer's body. An answer that goes on loses its connection, so that nobody reads the rest."""
    while len(body) < EXCERPT_BYTES and not response.content.at_eof():
        body += await response.content.read(EXCERPT_BYTES - len(body))
    if not response.content.at_eof():
        response.close()


def _excerpt(body: bytearray, trouble: BaseException | None) -> str | None:
    """Return what is worth keeping of an answer: the beginning of its body, or else what was wrong with it."""
    if not body and trouble is not None:
        return f"the answer broke off after its status: {describe(trouble)}"
    return body.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None


def parse_retry_after(value: str, at: datetime | None = None) -> timedelta | None:
    """Return the wait that a Retry-After asks for, as seconds or as a date; None if there is none or it cannot be read.

    A date counts from `at`, the present moment if None.
    """
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:12]), 10**9))
    try:
        moment: datetime = parsedate_to_datetime(value)
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - (at or now())
    except (
        ValueError,
        TypeError,
        ArithmeticError,
        LookupError,
    ):  # the parser lets several through that are not its own
        return None
