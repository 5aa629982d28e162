"""Cache of opened secrets: signing keys and connection options of subscribers."""

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
    """Open sealed secrets with a vault and keep them, because every webhook needs them again."""

    def __init__(self, vault: Vault) -> None:
        """Begin with an empty cache."""
        self._vault = vault
        self._opened: dict[bytes, str] = {}
        self._options: dict[bytes, ConnectionOptions] = {}

    def keys_of(self, target: DeliveryTarget) -> Sequence[str]:
        """Return the keys to sign with, the newest first.

        Raise NoSecret, or KeyMissing when the vault cannot open one.
        """
        if not target.sealed:
            raise NoSecret("the subscriber has no signing secret that is valid now")
        return [self._open(sealed) for sealed in target.sealed]

    def connection_options_for(self, target: DeliveryTarget) -> ConnectionOptions:
        """Return the connection options. Raise KeyMissing when the vault cannot open them."""
        sealed = target.sealed_transport
        if sealed is None:
            return PLAIN
        options = self._options.get(sealed)
        if options is None:
            if len(self._options) >= _KEPT:
                self._options.clear()
            options = self._options[sealed] = connection_options_of(self._vault.open(sealed))
        return options

    def _open(self, sealed: bytes) -> str:
        key = self._opened.get(sealed)
        if key is None:
            if len(self._opened) >= _KEPT:
                self._opened.clear()
            key = self._opened[sealed] = self._vault.open(sealed)
        return key
