"""Sending one webhook over HTTP and reading no more of the answer than is worth keeping."""

import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from importlib.metadata import version
from uuid import UUID

import aiohttp
from multidict import CIMultiDictProxy
from yarl import URL

from app.clock import now
from app.events.payload import body
from app.events.signature import signed_headers
from app.forwarding.destinations import check_address, literal_address, parse_url
from app.forwarding.failures import FAILURES, outcome_of
from app.forwarding.outcome import Outcome, OutcomeKind, kind_of_status
from app.forwarding.resolver import Lookup, VettingResolver, system_lookup
from app.forwarding.routes import ProxyResolver, ProxyRoutes, Route
from app.forwarding.transport import PLAIN, Transport
from app.forwarding.trust import Trust
from app.forwarding.webhook import OutboundWebhook
from app.settings import Network
from app.tracing import spans

EXCERPT_BYTES = 2_048
_READ_BUFFER = 4_096
_CONTENTS = 256
_URLS = 10_000
_KEEP_ALIVE_S = 4.0  # below the 5 s after which common servers hang up, so that we are seldom the one who writes into a closed connection
_BASE_HEADERS = {
    "content-type": "application/json",
    "user-agent": f"zeus-relay/{version('zeus-relay')}",
    "accept-encoding": "identity",  # an answer is read as it comes, so a small one cannot unpack into a large one
}


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
        trust: Trust | None = None,
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
        self._trust = trust or Trust()
        resolver = VettingResolver(networks, lookup)
        self._routes = ProxyRoutes(proxy, resolver, self._connect_s) if proxy else None
        self._session = aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(
                resolver=ProxyResolver(lookup) if proxy else resolver,
                ssl=tls or self._trust.context(PLAIN),
                limit=0,  # the forwarder limits what is under way
                keepalive_timeout=_KEEP_ALIVE_S,
            ),
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

    async def send(self, webhook: OutboundWebhook, keys: Sequence[str], transport: Transport = PLAIN) -> Outcome:
        """POST `webhook`, signed with each of `keys`. Every way in which the network and the subscriber can fail is an Outcome."""
        if not spans.is_tracing():
            return await self._send(webhook, keys, transport, {})
        span = _span_of(webhook)
        outcome = await self._send(webhook, keys, transport, span.headers)
        span.end({"outcome": outcome.kind.value}, failed=outcome.kind is not OutcomeKind.DELIVERED)
        return outcome

    async def _send(self, webhook: OutboundWebhook, keys: Sequence[str], transport: Transport, extra: Mapping[str, str]) -> Outcome:
        status: int | None = None
        try:
            url = self._url(webhook.target.url)
            route = await self._routes.to(url) if self._routes else Route(url)
            content = self._content(webhook)
            signed = signed_headers(str(webhook.event_id), now(), content, keys)
            headers = {**dict(transport.headers), **_BASE_HEADERS, **route.headers, **extra, **signed}
            options = {"timeout": self._timeout_of(webhook), "allow_redirects": False, **self._tls(transport), **route.options}
            async with self._session.post(route.url, data=content, headers=headers, **options) as response:
                status = response.status
                excerpt = await _read_excerpt(response)
                return Outcome(kind_of_status(status), status, excerpt, _retry_after(response.headers))
        except FAILURES as error:
            return outcome_of(error, status)

    def _content(self, webhook: OutboundWebhook) -> bytes:
        """The body; one event goes to several subscribers at about the same time, so the last ones made are kept."""
        key = (webhook.event_id, webhook.customer is not None)
        content = self._contents.get(key)
        if content is None:
            if len(self._contents) >= _CONTENTS:
                self._contents.clear()
            content = self._contents[key] = body(webhook.event_type, webhook.created_at, webhook.data, webhook.customer)
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

    def _tls(self, transport: Transport) -> dict[str, ssl.SSLContext]:
        if transport.ca is None and transport.client_certificate is None:
            return {}
        return {"ssl": self._trust.context(transport)}

    def _timeout_of(self, webhook: OutboundWebhook) -> aiohttp.ClientTimeout:
        own = webhook.target.timeout_s
        return self._default_timeout if own is None else self._timeout(own)

    def _timeout(self, total_s: float) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=total_s, connect=min(self._connect_s, total_s))


def _span_of(webhook: OutboundWebhook) -> spans.Send:
    """The span of an attempt, in the trace of the call that the event came from."""
    notice_id = json.loads(webhook.data).get("notice_id")
    attributes = {"outbound_webhook_id": webhook.id, "attempt": webhook.attempts + webhook.excused + 1}
    return spans.Send(webhook.event_id, UUID(notice_id) if notice_id else None, attributes)


async def _read_excerpt(response: aiohttp.ClientResponse) -> str | None:
    """The beginning of the answer's body. An answer that goes on loses its connection, so that nobody reads the rest."""
    content = b""
    while len(content) < EXCERPT_BYTES and not response.content.at_eof():
        content += await response.content.read(EXCERPT_BYTES - len(content))
    if not response.content.at_eof():
        response.close()
    return content.decode(errors="replace").replace("\0", "\N{REPLACEMENT CHARACTER}") or None


def _retry_after(headers: CIMultiDictProxy[str]) -> timedelta | None:
    """The wait that Retry-After asks for, as seconds or as a date; None if there is none or it cannot be read."""
    value = headers.get("retry-after", "").strip()
    if not value:
        return None
    if value.isascii() and value.isdigit():
        return timedelta(seconds=min(int(value[:12]), 10**9))
    try:
        moment: datetime = parsedate_to_datetime(value)
    except ValueError:
        return None
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - now()
