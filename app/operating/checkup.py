"""What is wrong with a configuration: each finding with its remedy."""

import asyncio
import socket
from collections.abc import Sequence
from datetime import timedelta
from enum import StrEnum

from sqlalchemy import select

from app.clock import now
from app.db.connections import describe_error
from app.db.embedded import EmbeddedPostgresMissing, start_embedded
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.migrations import current_revision, head
from app.db.tables import SubscriberRow, SubscriberSecretRow
from app.events.payload import timestamp
from app.forwarding.destinations import DestinationRefused, check_url, parse_url
from app.forwarding.resolver import VettingResolver
from app.forwarding.secrets import KeyMissing, Vault
from app.operating.keys import admin_token_of, vault_of
from app.operating.listening import Use, use_of_port
from app.operating.subscribers import SubscriberState
from app.operating.trouble import Trouble, trouble_of
from app.operating.values import Value
from app.settings import Settings, WrongSettings, variable_of

DNS_SECONDS = 5.0
EXPIRY_NOTICE = timedelta(days=30)
"""How long before its end a client certificate is warned of."""


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Value):
    """One thing that was looked at."""

    level: Level
    subject: str
    message: str
    remedy: str | None = None
    """What to do; None where all is well."""


def _ok(subject: str, message: str) -> Finding:
    return Finding(level=Level.OK, subject=subject, message=message)


def _warning(subject: str, message: str, remedy: str) -> Finding:
    return Finding(level=Level.WARNING, subject=subject, message=message, remedy=remedy)


def _error(subject: str, message: str, remedy: str) -> Finding:
    return Finding(level=Level.ERROR, subject=subject, message=message, remedy=remedy)


async def check_up(settings: Settings) -> list[Finding]:
    """Look at the settings, the keys, the listeners, the database and the subscribers, in this order."""
    findings = check_settings(settings)
    vault, found = check_keys(settings)
    findings += [*found, *await check_listeners(settings)]
    url, found = await check_database(settings)
    findings += found
    if url is not None and vault is not None:
        engine = make_engine(url, pool_size=1, application="zeus-relay doctor")
        findings += await check_subscribers(make_sessions(engine), vault, settings)
        await engine.dispose()
    return findings


def check_settings(settings: Settings) -> list[Finding]:
    """Settings that can be used but are probably not meant."""
    findings = [_ok("settings", "every variable can be read")]
    if settings.allowed_sources == Settings.model_fields["allowed_sources"].default:
        remedy = f"set {variable_of('allowed_sources')} to the addresses that Zeus's sales desk gave you"
        findings.append(_warning("sources", "only this machine may call the notification endpoint", remedy))
    if not settings.ip_codes:
        remedy = f"set {variable_of('ip_codes')}: status codes of Zeus's other services collide with those of this one"
        findings.append(_warning("IPコード", "calls for any contract are taken", remedy))
    if settings.allow_http_subscribers:
        remedy = f"unset {variable_of('allow_http_subscribers')} once every subscriber has https://"
        findings.append(_warning("webhooks", "they may be sent unencrypted", remedy))
    return findings


def check_keys(settings: Settings) -> tuple[Vault | None, list[Finding]]:
    """Whether there are keys and a token; makes those that the data directory keeps."""
    try:
        vault = vault_of(settings)
        admin_token_of(settings)
    except WrongSettings as wrong:
        return None, [_error("keys", str(wrong), "set the variable")]
    return vault, [_ok("keys", "there are keys for secrets and a token for the API")]


async def check_listeners(settings: Settings) -> list[Finding]:
    """Whether the two addresses can be listened on, or are by a zeus-relay that answers."""
    addresses = {"public": (settings.public_host, settings.public_port), "operator": (settings.operator_host, settings.operator_port)}
    findings = []
    for name, (host, port) in addresses.items():
        use = await use_of_port(host, port)
        if use in (Use.FREE, Use.OURS):
            findings.append(_ok(f"{name} listener", f"port {port} {use.value}"))
        else:
            remedy = f"set {variable_of(f'{name}_host')} and {variable_of(f'{name}_port')} to an address of this machine that is free"
            findings.append(_error(f"{name} listener", f"port {port} {use.value}", remedy))
    return findings


async def check_database(settings: Settings) -> tuple[str | None, list[Finding]]:
    """Whether the database can be reached and has the tables of this version; its URL if so."""
    try:
        url = settings.database_url.get_secret_value() if settings.database_url else start_embedded(settings.data_dir)
        revision = await current_revision(url)
    except EmbeddedPostgresMissing as missing:
        return None, [_error("database", "there is none", str(missing))]
    except Exception as error:
        if trouble_of(error) is None:
            raise
        remedy = f"see whether it runs and whether {variable_of('database_url')} is right"
        return None, [_error("database", f"{Trouble.UNREACHABLE.value}: {describe_error(error)}", remedy)]
    if revision != head():
        found = "has no tables" if revision is None else f"is at revision {revision}"
        return None, [_error("database", f"it {found}, this version needs {head()}", "run `zeus-relay migrate`")]
    return url, [_ok("database", f"it answers and is at revision {revision}")]


async def check_subscribers(sessions: Sessions, vault: Vault, settings: Settings) -> list[Finding]:
    """Whether each subscriber can be found, and its secrets can be opened."""
    async with sessions() as session:
        query = select(SubscriberRow).where(SubscriberRow.state != SubscriberState.REMOVED).order_by(SubscriberRow.name)
        rows = (await session.scalars(query)).all()
        secrets = (await session.scalars(select(SubscriberSecretRow))).all()
    if not rows:
        return [_warning("subscribers", "there are none: nobody gets events", "`zeus-relay subscribers add NAME URL`")]
    resolver = VettingResolver(settings.subscriber_networks)
    try:
        return list(await asyncio.gather(*(_check_subscriber(row, secrets, vault, resolver, settings) for row in rows)))
    finally:
        await resolver.close()


async def _check_subscriber(
    row: SubscriberRow, secrets: Sequence[SubscriberSecretRow], vault: Vault, resolver: VettingResolver, settings: Settings
) -> Finding:
    subject = f"subscriber {row.name}"
    try:
        for secret in secrets:
            if secret.subscriber_id == row.id:
                vault.open(secret.sealed)
        if row.sealed_transport is not None:
            vault.open(row.sealed_transport)
        if not row.feed:
            await _find(row.url, resolver, settings)
    except KeyMissing as missing:
        return _error(subject, str(missing), f"add the key to {variable_of('secret_keys')}, or rotate the secret with an overlap of 0")
    except DestinationRefused as refused:
        return _error(subject, str(refused), f"change its URL, or {variable_of('subscriber_networks')}")
    except (OSError, TimeoutError) as error:
        return _error(subject, f"its host cannot be resolved: {describe_error(error)}", "see whether its URL is right and DNS works here")
    if row.state == SubscriberState.PAUSED:
        return _warning(subject, f"it is paused: {row.pause_reason}", f"`zeus-relay subscribers resume {row.name}`")
    expires_at = row.client_certificate_expires_at
    if expires_at is not None and expires_at < now() + EXPIRY_NOTICE:
        remedy = f"`zeus-relay subscribers set {row.name} --client-certificate FILE`"
        return _warning(subject, f"the certificate that it is shown expires at {timestamp(expires_at)}", remedy)
    return _ok(subject, "it polls" if row.feed else "its host resolves and its secrets can be opened")


async def _find(url: str, resolver: VettingResolver, settings: Settings) -> None:
    check_url(url, settings.allow_http_subscribers, settings.subscriber_networks)
    host = parse_url(url, settings.allow_http_subscribers).raw_host or ""
    async with asyncio.timeout(DNS_SECONDS):
        await resolver.resolve(host, family=socket.AF_UNSPEC)
