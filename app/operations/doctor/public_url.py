"""Doctor checks of the public URL, as a caller from outside sees it, and of calls' sources."""

import ipaddress
import ssl
from dataclasses import dataclass
from urllib.parse import urlsplit

import aiohttp
from sqlalchemy import text
from yarl import URL

from app.clock import now
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.forwarding.destinations.http.proxy import ANYWHERE
from app.network.address_rules import exact_url
from app.network.aiohttp_resolver import AiohttpResolver
from app.network.certificates import look_up_certificate
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver, system_lookup
from app.operations.doctor.findings import Finding, Level, error, ok, warning
from app.settings import Settings, variable_of

SECONDS = 10.0
EXPIRY_DAYS = 14
_SUBJECT = "public URL"
_CALLERS = 100
_PRIVATE = [
    ipaddress.ip_network(network)
    for network in ("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")
]

# The source of a call is the address that the receiver trusts: its peer, or that of a trusted
# proxy's header.
_SOURCES = text("""
(SELECT host(source) AS source, true AS rejected FROM rejected_samples
 ORDER BY id DESC LIMIT :limit)
UNION ALL
(SELECT host(source), false FROM notices WHERE origin = 'call' ORDER BY id DESC LIMIT :limit)
""")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    ours: bool
    """True if only a zeus-relay gives this answer."""


async def check_public_url(
    settings: Settings, tls: ssl.SSLContext | None = None, *, lookup: Lookup = system_lookup
) -> list[Finding]:
    """Return findings about the certificate, redirects, the path, and trust in forged addresses.

    The receiver records nothing: HEAD and OPTIONS are not calls. `tls` and `lookup` replace the
    system's. Look-ups have their own threads, so a silent name server blocks no other work.
    """
    resolver = VettingResolver(ANYWHERE, lookup)
    if settings.public_url is None:
        remedy = f"set {variable_of('public_url')} to the URL that Zeus calls"
        return [warning(_SUBJECT, "it is not set, so it was not checked", remedy)]
    split = urlsplit(settings.public_url)
    if split.scheme == "http":
        first = warning(
            "public certificate",
            "there is none: names and telephone numbers arrive unencrypted",
            "have Zeus call an https:// URL",
        )
    else:
        host, port = split.hostname or "", split.port or 443
        first = await _check_certificate(host, port, resolver, tls)
    if first.level is Level.ERROR:
        return [first]  # the token must not go to an unidentified server
    return [first, *await _check_answers(settings, resolver, tls)]


async def _check_certificate(
    host: str, port: int, resolver: VettingResolver, tls: ssl.SSLContext | None
) -> Finding:
    try:
        seen = await look_up_certificate(host, port, resolver, tls)
    except OSError as failure:
        remedy = (
            "check that the proxy runs and the name points to it; "
            "some networks cannot reach their own public address"
        )
        return error(
            "public certificate",
            f"there is no TLS handshake with {host}: {describe_error(failure)}",
            remedy,
        )
    if seen.error is not None:
        return error(
            "public certificate",
            f"callers reject it: {seen.error}",
            "renew it, with the whole chain and the right name",
        )
    days = (seen.expires_at - now()).days
    if days < EXPIRY_DAYS:
        return warning(
            "public certificate",
            f"it expires in {days} days",
            "renew it; find out why that does not happen automatically",
        )
    return ok("public certificate", f"it is trusted and valid for {days} days")


async def _check_answers(
    settings: Settings, resolver: VettingResolver, tls: ssl.SSLContext | None
) -> list[Finding]:
    token = f"/{settings.notify_token.get_secret_value()}" if settings.notify_token else ""
    url = f"{(settings.public_url or '').rstrip('/')}{token}"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(resolver=AiohttpResolver(resolver), ssl=tls or True),
        ) as client:
            called = exact_url(url)
            answer = await _ask(client, called)
            finding = _judge(answer)
            forged = (
                await _forge(client, called, settings)
                if answer.status == 403 and answer.ours
                else None
            )
    except (aiohttp.ClientError, OSError, ValueError) as failure:
        remedy = (
            "check that the proxy runs; some networks cannot reach their own public address: "
            "then check from another network"
        )
        return [error(_SUBJECT, f"it does not answer: {type(failure).__name__}", remedy)]
    return [finding] if forged is None else [finding, forged]


async def _ask(
    client: aiohttp.ClientSession, url: URL, headers: dict[str, str] | None = None
) -> _Answer:
    async with client.options(url, allow_redirects=False, headers=headers) as response:
        beginning = await response.content.read(32)
        ours = (response.status == 403 and beginning == b"Forbidden\n") or (
            response.status == 405 and response.headers.get("allow") == "GET, POST"
        )
    async with client.head(url, allow_redirects=False, headers=headers) as response:
        return _Answer(response.status, ours)


def _judge(answer: _Answer) -> Finding:
    status = answer.status
    if 300 <= status < 400:
        return error(
            _SUBJECT,
            f"it redirects ({status}), and Zeus follows no redirect: every call is lost",
            "answer at exactly this URL",
        )
    if status == 404:
        remedy = (
            f"compare its path with {variable_of('notify_path')} and "
            f"{variable_of('notify_token')}, and with the proxy's rules"
        )
        return error(_SUBJECT, "nothing answers at its path (404)", remedy)
    if status >= 500:
        return error(
            _SUBJECT,
            f"the proxy finds no receiver ({status})",
            "check that a receiver runs where the proxy expects it",
        )
    if status not in (200, 403) or not answer.ours:
        remedy = (
            "check the proxy, firewalls and login pages in front of it; "
            "a proxy that rejects OPTIONS has the same effect"
        )
        return warning(_SUBJECT, f"the answer ({status}) is not from a zeus-relay", remedy)
    return ok(
        _SUBJECT,
        "calls reach the receiver"
        if status == 200
        else "it reaches the receiver, which rejects this machine, as it should",
    )


async def _forge(client: aiohttp.ClientSession, url: URL, settings: Settings) -> Finding | None:
    """Return a finding from a request that forges an allowed address in the forwarding headers."""
    if not settings.allowed_sources:
        return None
    allowed = str(settings.allowed_sources[0].network_address)
    answer = await _ask(client, url, {"X-Forwarded-For": allowed, "Forwarded": f"for={allowed}"})
    if answer.status == 403:
        return ok("forged source", "an address that the caller itself claims is not trusted")
    remedy = (
        "let the proxy set X-Forwarded-For itself, "
        f"and list only proxies in {variable_of('trusted_proxies')}"
    )
    return error(
        "forged source", "a caller that claims an allowed address in X-Forwarded-For passes", remedy
    )


async def check_callers(sessions: Sessions, settings: Settings) -> list[Finding]:
    """Return findings if recent calls have a proxy's address as source. Show no address."""
    async with sessions() as session:
        rows = (await session.execute(_SOURCES, {"limit": _CALLERS})).all()
    sources = [(ipaddress.ip_address(row.source), row.rejected) for row in rows]
    if any(source in network for source, _ in sources for network in settings.trusted_proxies):
        remedy = "let the proxy pass the caller's address in X-Forwarded-For"
        return [
            error(
                "source of calls",
                "calls have the address of a trusted proxy as source instead of the caller's",
                remedy,
            )
        ]
    if any(rejected and source in network for source, rejected in sources for network in _PRIVATE):
        remedy = f"if there is a proxy, set {variable_of('trusted_proxies')} to its address"
        return [warning("source of calls", "calls from a private address were rejected", remedy)]
    return []
