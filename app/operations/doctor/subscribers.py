"""Doctor checks of subscribers: host names, TLS certificates, and sealed secrets."""

import asyncio
import ssl
from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import select

from app.clock import now
from app.crypto.vault import KeyMissing, Vault
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.db.snapshot import snapshot
from app.db.tables.subscribers import SubscriberRow, SubscriberSecretRow
from app.events.payload import timestamp
from app.forwarding.destinations.connection_options import (
    PLAIN,
    ConnectionOptions,
    connection_options_of,
)
from app.forwarding.destinations.http.tls import TlsContexts
from app.network.address_rules import DestinationRefused, check_url, parse_url
from app.network.certificates import SeenCertificate, look_at_first
from app.network.resolver import VettingResolver
from app.operations.doctor.findings import Finding, error, ok, warning
from app.operations.subscribers.models import SubscriberState
from app.settings import Settings, variable_of

DNS_SECONDS = 5.0
EXPIRY_NOTICE = timedelta(days=30)
"""Time before a client certificate's expiry from which a warning is given."""


async def check_subscribers(sessions: Sessions, vault: Vault, settings: Settings) -> list[Finding]:
    """Return one finding per subscriber: the worst about its host, TLS and secrets."""
    async with snapshot(sessions) as session:
        query = (
            select(SubscriberRow)
            .where(SubscriberRow.state != SubscriberState.REMOVED)
            .order_by(SubscriberRow.name)
        )
        rows = (await session.scalars(query)).all()
        secrets = (await session.scalars(select(SubscriberSecretRow))).all()
    if not rows:
        return [
            warning(
                "subscribers",
                "there are none: no system gets events",
                "`zeus-relay subscribers add NAME URL`",
            )
        ]
    resolver = VettingResolver(settings.subscriber_networks)
    checks = [
        _Check(
            row,
            [secret for secret in secrets if secret.subscriber_id == row.id],
            vault,
            resolver,
            settings,
        )
        for row in rows
    ]
    try:
        return list(await asyncio.gather(*(check.run() for check in checks)))
    finally:
        resolver.close()


class _Check:
    """Check of one subscriber."""

    def __init__(
        self,
        row: SubscriberRow,
        secrets: Sequence[SubscriberSecretRow],
        vault: Vault,
        resolver: VettingResolver,
        settings: Settings,
    ) -> None:
        self._row = row
        self._secrets = secrets
        self._vault = vault
        self._resolver = resolver
        self._settings = settings
        self._subject = f"subscriber {row.name}"

    async def run(self) -> Finding:
        """Return the worst finding."""
        try:
            options = self._open()
            addresses = [] if self._row.feed else await self._find()
        except KeyMissing as missing:
            remedy = (
                f"add the key to {variable_of('secret_keys')}, "
                "or rotate the secret with an overlap of 0"
            )
            return error(self._subject, str(missing), remedy)
        except DestinationRefused as rejection:
            return error(
                self._subject,
                str(rejection),
                f"change its URL, or {variable_of('subscriber_networks')}",
            )
        except OSError as failure:  # includes TimeoutError
            remedy = "check that its URL is right and that DNS works here"
            return error(
                self._subject, f"its host cannot be resolved: {describe_error(failure)}", remedy
            )
        return (
            self._paused()
            or await self._handshake(addresses, options)
            or self._expiring()
            or self._healthy()
        )

    def _open(self) -> ConnectionOptions:
        for secret in self._secrets:
            self._vault.open(secret.sealed)
        return (
            PLAIN
            if self._row.sealed_transport is None
            else connection_options_of(self._vault.open(self._row.sealed_transport))
        )

    async def _find(self) -> list[str]:
        """Return the permitted addresses of its host. Raise DestinationRefused or OSError."""
        check_url(
            self._row.url, self._settings.allow_http_subscribers, self._settings.subscriber_networks
        )
        host = parse_url(self._row.url, self._settings.allow_http_subscribers).raw_host or ""
        await self._resolver.begin(
            host, patience_s=None
        )  # the wait for other look-ups does not count
        async with asyncio.timeout(DNS_SECONDS):
            return [str(address) for address in await self._resolver.addresses(host)]

    def _paused(self) -> Finding | None:
        if self._row.state != SubscriberState.PAUSED:
            return None
        return warning(
            self._subject,
            f"it is paused: {self._row.pause_reason}",
            f"`zeus-relay subscribers resume {self._row.name}`",
        )

    async def _handshake(
        self, addresses: Sequence[str], options: ConnectionOptions
    ) -> Finding | None:
        """Return a finding about its TLS, or None.

        If webhooks go through a proxy, try nothing: the route from here differs.
        """
        if (
            not addresses
            or not self._row.url.lower().startswith("https:")
            or self._settings.subscriber_proxy is not None
        ):
            return None
        try:
            tls = TlsContexts(self._settings.subscriber_ca_file).context(options)
            return self._untrusted(await self._look(addresses, tls))
        except ssl.SSLError as failure:
            return error(
                self._subject,
                f"TLS fails: {failure.reason}",
                "check what its server accepts: TLS 1.2 or later, a certificate",
            )
        except OSError as failure:
            remedy = "check that its server runs, and firewalls on the route"
            return error(self._subject, f"no connection: {describe_error(failure)}", remedy)

    async def _look(self, addresses: Sequence[str], tls: ssl.SSLContext) -> SeenCertificate:
        """Return the certificate at the first address that answers."""
        url = parse_url(self._row.url, self._settings.allow_http_subscribers)
        host, port = (url.raw_host or "").rstrip("."), url.port or 443
        return await look_at_first(host, port, addresses, tls)

    def _untrusted(self, seen: SeenCertificate) -> Finding | None:
        if seen.error is not None:
            remedy = (
                "have its certificate renewed; "
                f"for a private authority see {variable_of('subscriber_ca_file')}"
            )
            return error(self._subject, f"its certificate is rejected: {seen.error}", remedy)
        if seen.expires_at < now() + EXPIRY_NOTICE / 2:
            return warning(
                self._subject,
                f"its certificate expires at {timestamp(seen.expires_at)}",
                "have its certificate renewed",
            )
        return None

    def _expiring(self) -> Finding | None:
        expires_at = self._row.client_certificate_expires_at
        if expires_at is None or expires_at > now() + EXPIRY_NOTICE:
            return None
        remedy = f"`zeus-relay subscribers set {self._row.name} --client-certificate FILE`"
        return warning(
            self._subject,
            f"its client certificate expires at {timestamp(expires_at)}",
            remedy,
        )

    def _healthy(self) -> Finding:
        return ok(
            self._subject,
            "it polls" if self._row.feed else "its host resolves and its secrets can be opened",
        )
