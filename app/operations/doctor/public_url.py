"""The way of a call, looked at from outside: the public URL through everything in front of the receiver, and whom calls came from."""

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

# The source of a call is an address that the receiver believed: its peer's, or what a trusted proxy said.
_SOURCES = text("""
(SELECT host(source) AS source, true AS rejected FROM rejected_samples ORDER BY id DESC LIMIT :limit)
UNION ALL
(SELECT host(source), false FROM notices ORDER BY id DESC LIMIT :limit)
""")


@dataclass(frozen=True, slots=True)
class _Answer:
    status: int
    ours: bool
    """Whether the answer is one that only a zeus-relay gives."""


async def check_public_url(
    settings: Settings, trust: ssl.SSLContext | None = None, *, lookup: Lookup = system_lookup
) -> list[Finding]:
    """Whether a call comes through: the certificate, no redirect, the right path, and no believing of forged addresses.

    Nothing is recorded by it: HEAD and OPTIONS are no calls. `trust` and `lookup` replace the system's.
    Look-ups have threads of their own, which hold nobody when the name server is silent.
    """
    resolver = VettingResolver(ANYWHERE, lookup)
    if settings.public_url is None:
        remedy = f"set {variable_of('public_url')} to the URL that Zeus calls"
        return [warning(_SUBJECT, "nobody has said what it is, so it was not looked at", remedy)]
    parts = urlsplit(settings.public_url)
    if parts.scheme == "http":
        first = warning(
            "public certificate",
            "there is none: names and telephone numbers come unencrypted",
            "have Zeus call an https:// URL",
        )
    else:
        host, port = parts.hostname or "", parts.port or 443
        first = await _check_certificate(host, port, resolver, trust)
    if first.level is Level.ERROR:
        return [first]  # the token must not go to somebody who may be anybody
    return [first, *await _check_answers(settings, resolver, trust)]


async def _check_certificate(
    host: str, port: int, resolver: VettingResolver, trust: ssl.SSLContext | None
) -> Finding:
    try:
        seen = await look_up_certificate(host, port, resolver, trust)
    except OSError as failed:
        remedy = "see whether the proxy runs and the name points to it; some networks cannot reach their own public address"
        return error(
            "public certificate",
            f"there is no TLS handshake with {host}: {describe_error(failed)}",
            remedy,
        )
    if seen.error is not None:
        return error(
            "public certificate",
            f"callers refuse it: {seen.error}",
            "renew it, with the whole chain and the right name",
        )
    days = (seen.expires_at - now()).days
    if days < EXPIRY_DAYS:
        return warning(
            "public certificate",
            f"it ends in {days} days",
            "renew it; see why that does not happen by itself",
        )
    return ok("public certificate", f"it is believed, and good for {days} days")


async def _check_answers(
    settings: Settings, resolver: VettingResolver, trust: ssl.SSLContext | None
) -> list[Finding]:
    token = f"/{settings.notify_token.get_secret_value()}" if settings.notify_token else ""
    url = f"{(settings.public_url or '').rstrip('/')}{token}"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with aiohttp.ClientSession(
            timeout=timeout,
            connector=aiohttp.TCPConnector(resolver=resolver, ssl=trust or True),
        ) as client:
            called = exact_url(url)
            answer = await _ask(client, called)
            finding = _judge(answer)
            forged = (
                await _forge(client, called, settings)
                if answer.status == 403 and answer.ours
                else None
            )
    except (aiohttp.ClientError, OSError, ValueError) as failed:
        remedy = "see whether the proxy runs; some networks cannot reach their own public address: then look from elsewhere"
        return [error(_SUBJECT, f"it does not answer: {type(failed).__name__}", remedy)]
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
            "answer at this very URL",
        )
    if status == 404:
        remedy = f"compare its path with {variable_of('notify_path')} and {variable_of('notify_token')}, and with the proxy's rules"
        return error(_SUBJECT, "nothing answers at its path (404)", remedy)
    if status >= 500:
        return error(
            _SUBJECT,
            f"the proxy finds no receiver ({status})",
            "see whether a receiver runs where the proxy looks for it",
        )
    if status not in (200, 403) or not answer.ours:
        remedy = "see what the proxy, a firewall or a login page does with it; a proxy that refuses OPTIONS looks like this too"
        return warning(_SUBJECT, f"the answer ({status}) is none of a zeus-relay's", remedy)
    return ok(
        _SUBJECT,
        "calls come through"
        if status == 200
        else "it reaches the receiver, which refuses this machine, as it should",
    )


async def _forge(client: aiohttp.ClientSession, url: URL, settings: Settings) -> Finding | None:
    """Whether somebody who writes an allowed address into the forwarding headers is let in."""
    if not settings.allowed_sources:
        return None
    allowed = str(settings.allowed_sources[0].network_address)
    answer = await _ask(client, url, {"X-Forwarded-For": allowed, "Forwarded": f"for={allowed}"})
    if answer.status == 403:
        return ok("forged source", "an address that the caller states by itself is not believed")
    remedy = f"let the proxy write X-Forwarded-For itself, and {variable_of('trusted_proxies')} hold proxies alone"
    return error(
        "forged source", "who writes an allowed address into X-Forwarded-For is let in", remedy
    )


async def check_callers(sessions: Sessions, settings: Settings) -> list[Finding]:
    """Whether the addresses of the latest calls are callers' and not a proxy's. Which they are is told to nobody."""
    async with sessions() as session:
        rows = (await session.execute(_SOURCES, {"limit": _CALLERS})).all()
    sources = [(ipaddress.ip_address(row.source), row.rejected) for row in rows]
    if any(source in network for source, _ in sources for network in settings.trusted_proxies):
        remedy = "have the proxy pass the caller's address on in X-Forwarded-For"
        return [
            error(
                "source of calls",
                "calls came with the address of a trusted proxy instead of the caller's",
                remedy,
            )
        ]
    if any(rejected and source in network for source, rejected in sources for network in _PRIVATE):
        remedy = f"if a proxy stands in front, set {variable_of('trusted_proxies')} to its address"
        return [warning("source of calls", "calls from a private address were refused", remedy)]
    return []
