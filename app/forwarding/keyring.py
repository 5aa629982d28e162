"""The signing keys of subscribers, opened once and kept for as long as they are in use."""

from collections.abc import Sequence

from app.forwarding.secrets import Vault
from app.forwarding.webhook import Target

_KEPT = 10_000


class NoSecret(Exception):
    """The subscriber has no signing secret that is valid now."""


class Keyring:
    """Opens sealed secrets with a vault and remembers them, because every webhook needs them again."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault
        self._opened: dict[bytes, str] = {}

    def keys_of(self, target: Target) -> Sequence[str]:
        """The keys to sign with, the newest first; raises NoSecret, or KeyMissing when the vault cannot open one."""
        if not target.sealed:
            raise NoSecret("the subscriber has no signing secret that is valid now")
        return [self._open(sealed) for sealed in target.sealed]

    def _open(self, sealed: bytes) -> str:
        key = self._opened.get(sealed)
        if key is None:
            if len(self._opened) >= _KEPT:
                self._opened.clear()
            key = self._opened[sealed] = self._vault.open(sealed)
        return key
