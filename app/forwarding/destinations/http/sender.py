"""HTTP sender: POST one webhook and read the beginning of the answer."""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from time import monotonic
from uuid import UUID

from app.clock import now
from app.events.payload import body
from app.events.signature import signed_headers
from app.forwarding.destinations.connection_options import PLAIN, ConnectionOptions
from app.forwarding.destinations.http.errors import FAILURES, describe, outcome_of
from app.forwarding.destinations.http.proxy import ANYWHERE, ProxyRoutes, Route
from app.forwarding.destinations.http.tls import TlsContexts
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind, kind_of_status
from app.forwarding.webhook import ClaimedWebhook
from app.logs import get_logger
from app.network.address_rules import DestinationRefused, check_address, parse_url
from app.network.http.connection import Answer
from app.network.http.connection_pool import ConnectionPool, Destination
from app.network.http.request import USER_AGENT, PostUrl, post_head, post_request
from app.network.lookups import Lookup, LookupLimits
from app.network.resolver import VettingResolver, system_lookup
from app.settings import Network
from app.tracing import spans

EXCERPT_BYTES = 2_048
_CONTENTS = 256
_URLS = 10_000
_HEADS = 1_000
_OURS = {
    "Content-Type": "application/json",
    "User-Agent": USER_AGENT,
    "Accept": "*/*",
    "Accept-Encoding": "identity",  # a small answer must not unpack into a large one
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
        self._limits = limits or TimeLimits()
        self._post_urls: dict[str, PostUrl] = {}
        self._heads: dict[tuple[str, tuple[tuple[str, str], ...]], str] = {}
        self._contents: dict[tuple[UUID, bool], bytes] = {}
        self._tls_contexts = tls_contexts or TlsContexts()
        self._tls = tls or self._tls_contexts.context(PLAIN)
        self._resolver = VettingResolver(networks, lookup, lookup_limits)
        self._proxy_resolver = VettingResolver(ANYWHERE, lookup) if proxy else None
        self._routes = ProxyRoutes(proxy, self._resolver, self._limits.connect_s) if proxy else None
        self._connections = ConnectionPool(self._proxy_resolver or self._resolver)

    async def close(self) -> None:
        """Close every connection, and cancel look-ups that have not begun."""
        self._connections.close()
        self._resolver.close()
        if self._proxy_resolver is not None:
            self._proxy_resolver.close()

    async def ready(self, webhook: ClaimedWebhook) -> bool:
        """Wait for a thread that looks the name up. Return False when that takes too long.

        Call it before `send`: the wait for others' look-ups does not count against the attempt's
        time limits.
        """
        try:
            post_url = self._post_url(webhook.target.url)
        except DestinationRefused:
            return True  # `send` returns that outcome
        return post_url.literal is not None or await self._resolver.begin(post_url.host)

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
        answer = Answer(EXCERPT_BYTES)
        failure: BaseException | None = None
        try:
            await self._exchange(webhook, keys, connection, extra, answer)
        except (Exception, asyncio.CancelledError) as error:
            failure = error
        if (status := answer.status) is not None:
            kind = kind_of_status(status)
            retry_after = (
                None
                if kind is OutcomeKind.DELIVERED
                else parse_retry_after(answer.retry_after, webhook.database_now)
            )
            return DeliveryOutcome(kind, status, _excerpt(answer.body, failure), retry_after)
        if isinstance(failure, FAILURES):
            return outcome_of(failure)
        raise failure or AssertionError("an answer without a status line")

    async def _exchange(
        self,
        webhook: ClaimedWebhook,
        keys: Sequence[str],
        connection: ConnectionOptions,
        extra: Mapping[str, str],
        answer: Answer,
    ) -> None:
        """POST the webhook and read the beginning of the answer."""
        began = monotonic()
        post_url = self._post_url(webhook.target.url)
        tls = self._tls_of(connection) if post_url.is_tls else None
        if self._routes is None:
            destination = Destination(post_url.host, post_url.port, tls, post_url.host)
            route = Route(destination, post_url.target)
            head = self._head(webhook.target.url, post_url, route, connection)
        else:
            route = await self._routes.to(post_url, tls)
            head = _head_of(route, post_url, connection)
        content = self._content(webhook)
        signed = signed_headers(str(webhook.event_id), webhook.database_now, content, keys)
        request = post_request(head, {**extra, **signed} if extra else signed, content)
        total_s = webhook.target.timeout_s or self._limits.total_s
        await self._connections.exchange(
            route.destination,
            request,
            answer,
            connect_s=min(self._limits.connect_s, total_s),
            total_s=total_s - (monotonic() - began),
        )

    def _head(
        self, url: str, post_url: PostUrl, route: Route, connection: ConnectionOptions
    ) -> str:
        """Return what all webhooks of a subscriber begin with; it is kept."""
        key = (url, connection.headers)
        head = self._heads.get(key)
        if head is None:
            if len(self._heads) >= _HEADS:
                self._heads.clear()
            head = self._heads[key] = _head_of(route, post_url, connection)
        return head

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

    def _post_url(self, url: str) -> PostUrl:
        """Return a URL as a POST needs it. Raise DestinationRefused for a forbidden one."""
        post_url = self._post_urls.get(url)
        if post_url is None:
            post_url = PostUrl.of(parse_url(url, self._allow_http))
            if post_url.literal is not None:
                check_address(post_url.literal, self._networks)
            if len(self._post_urls) >= _URLS:
                self._post_urls.clear()
            self._post_urls[url] = post_url
        return post_url

    def _tls_of(self, connection: ConnectionOptions) -> ssl.SSLContext:
        if connection.ca is None and connection.client_certificate is None:
            return self._tls
        return self._tls_contexts.context(connection)


def _head_of(route: Route, post_url: PostUrl, connection: ConnectionOptions) -> str:
    """Return the first line and the headers that all webhooks of a subscriber have.

    Its own headers are checked: none of ours but Accept can be among them.
    """
    names = {name.lower() for name, _ in connection.headers}
    ours = [(name, value) for name, value in _OURS.items() if name.lower() not in names]
    headers = [("Host", post_url.authority), *connection.headers, *ours, *route.headers.items()]
    return post_head(route.target, headers)


def _span_of(webhook: ClaimedWebhook) -> spans.Send:
    """Begin the span of an attempt, in the trace of the call behind the event."""
    notice_id = json.loads(webhook.data).get("notice_id")
    attributes = {
        "outbound_webhook_id": webhook.id,
        "attempt": webhook.attempts + webhook.excused + 1,
    }
    return spans.Send(webhook.event_id, UUID(notice_id) if notice_id else None, attributes)


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
