"""Encryption of secrets at rest with Fernet keys: the first key encrypts, all keys decrypt."""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet


class NoKeys(Exception):
    """A vault was made without keys."""


class KeyMissing(Exception):
    """No key of the vault decrypts this secret: its key is missing from RELAY_SECRET_KEYS."""


class Vault:
    """Encrypts and decrypts short texts. Never shows its keys."""

    def __init__(self, keys: Sequence[str]) -> None:
        """Use `keys`, Fernet keys with the newest first.

        Raises NoKeys for none, and ValueError for a key that is not 32 bytes in URL-safe base64.
        """
        if not keys:
            raise NoKeys("a vault needs at least one Fernet key")
        self._newest = Fernet(keys[0])
        self._all = MultiFernet([Fernet(key) for key in keys])

    def seal(self, text: str) -> bytes:
        """Encrypt `text` with the newest key."""
        return self._newest.encrypt(text.encode())

    def open(self, sealed: bytes) -> str:
        """Decrypt a text that any of the keys encrypted; raises KeyMissing."""
        try:
            return self._all.decrypt(sealed).decode()
        except InvalidToken:
            raise KeyMissing("no key of RELAY_SECRET_KEYS opens this secret") from None

    def reseal(self, sealed: bytes) -> bytes:
        """Encrypt again with the newest key, so that older keys can go; raises KeyMissing."""
        return self.seal(self.open(sealed))
