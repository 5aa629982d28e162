"""What is sealed of subscribers, signing keys and transports, opened once and kept for as long as it is in use."""

from collections.abc import Sequence

from app.crypto.vault import Vault
from app.forwarding.destinations.connection_options import (
    PLAIN,
    ConnectionOptions,
    connection_options_of,
)
from app.forwarding.webhook import DeliveryTarget

_KEPT = 10_000


class NoSecret(Exception):
    """The subscriber has no signing secret that is valid now."""


class CredentialCache:
    """Opens sealed secrets with a vault and remembers them, because every webhook needs them again."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[bytes, str] = {}
        self._transports: dict[bytes, ConnectionOptions] = {}

    def keys_of(self, target: DeliveryTarget) -> Sequence[str]:
        """The keys to sign with, the newest first; raises NoSecret, or KeyMissing when the vault cannot open one."""
        if not target.sealed:
            raise NoSecret("the subscriber has no signing secret that is valid now")
        return [self._open(sealed) for sealed in target.sealed]

    def connection_options_for(self, target: DeliveryTarget) -> ConnectionOptions:
        """What the subscriber needs to be reached; raises KeyMissing when the vault cannot open it."""
        sealed = target.sealed_transport
        if sealed is None:
            return PLAIN
        transport = self._transports.get(sealed)
        if transport is None:
            if len(self._transports) >= _KEPT:
                self._transports.clear()
            transport = self._transports[sealed] = connection_options_of(self._vault.open(sealed))
        return transport

    def _open(self, sealed: bytes) -> str:
        key = self._opened.get(sealed)
        if key is None:
            if len(self._opened) >= _KEPT:
                self._opened.clear()
            key = self._opened[sealed] = self._vault.open(sealed)
        return key
