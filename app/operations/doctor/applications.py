"""Doctor checks of the URL of applications: address, TLS and clock. Nothing is applied for."""

import ssl
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

import aiohttp

from app.applications.sending.client import application_tls, may_be_plain
from app.clock import CLOCK_TOLERANCE, now
from app.db.connections import describe_error
from app.network.address_rules import Address, DestinationRefused, exact_url, literal_address
from app.network.aiohttp_resolver import AiohttpResolver
from app.network.lookups import Lookup
from app.network.resolver import VettingResolver, system_lookup
from app.operations.doctor.findings import Finding, error, ok, warning
from app.settings import Settings, variable_of

SECONDS = 10.0
_SUBJECT = "applications"


async def check_applications(
    settings: Settings, tls: ssl.SSLContext | None = None, *, lookup: Lookup = system_lookup
) -> list[Finding]:
    """Return findings about RELAY_APPLICATION_URL, or none if it is not set.

    A HEAD request reaches the server and applies for nothing. `tls` and `lookup` replace the
    system's.
    """
    if settings.application_url is None:
        return []
    findings = [] if settings.ip_codes else [_no_code()]
    url = exact_url(settings.application_url)

    def check(address: Address) -> None:
        if url.scheme == "http" and not may_be_plain(address, settings.application_networks):
            raise DestinationRefused("its address is not allowed for http://")

    try:
        if (literal := literal_address(url.raw_host or "")) is not None:
            check(literal)
        async with (
            aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    resolver=AiohttpResolver(VettingResolver((), lookup, check=check)),
                    ssl=tls or application_tls(),
                ),
                timeout=aiohttp.ClientTimeout(total=SECONDS),
            ) as client,
            client.head(url, allow_redirects=False) as answer,
        ):
            date = answer.headers.get("date")
    except DestinationRefused as refused:
        networks = variable_of("application_networks")
        return [*findings, error(_SUBJECT, str(refused), f"use https://, or set {networks}")]
    except (aiohttp.ClientError, OSError) as failure:
        remedy = f"check {variable_of('application_url')}, its name, its certificate and firewalls"
        message = f"their URL cannot be reached: {describe_error(failure)}"
        return [*findings, error(_SUBJECT, message, remedy)]
    return [*findings, ok(_SUBJECT, "their URL answers; nothing was applied for"), *_clock(date)]


def _no_code() -> Finding:
    remedy = f"set {variable_of('ip_codes')}, or send `clientip` in every request"
    return warning(_SUBJECT, "no IPコード is set", remedy)


def _clock(date: str | None) -> list[Finding]:
    """Return a warning if the server's clock and ours differ. Deadlines are counted by ours."""
    try:
        theirs = parsedate_to_datetime(date or "")
    except ValueError:
        return []
    apart = abs(now() - _in_utc(theirs))
    if apart <= CLOCK_TOLERANCE:
        return []
    message = f"their server's clock differs by {round(apart.total_seconds())} s from ours"
    return [warning(_SUBJECT, message, "synchronise this machine's clock")]


def _in_utc(moment: datetime) -> datetime:
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
