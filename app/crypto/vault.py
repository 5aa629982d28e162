"""Signing secrets at rest: sealed with Fernet keys, of which the first seals and all open."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class NoKeys(Exception):
    """A vault needs at least one key."""


class KeyMissing(Exception):
    """None of the vault's keys opens this; the key it was sealed with is missing from RELAY_SECRET_KEYS."""


class Vault:
    """Seals and opens short texts. Never shows its keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        """`keys` are Fernet keys, the newest first; raises NoKeys, or ValueError for one that is not 32 bytes in URL-safe base64."""
        if not keys:
            raise NoKeys("a vault needs at least one Fernet key")
        self._newest = Fernet(keys[0])
        self._all = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> bytes:
        """Encrypt `text` with the newest key."""
        return self._newest.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt what was sealed with any of the keys; raises KeyMissing."""
        try:
            return self._all.decrypt(sealed).decode()
        except InvalidToken:
            raise KeyMissing("no key of RELAY_SECRET_KEYS opens this secret") from None

    def reseal(self, sealed: bytes) -> bytes:
        """The same text sealed with the newest key, so that older keys can be dropped; raises KeyMissing."""
        return self.seal(self.open(sealed))
