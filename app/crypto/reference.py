"""References in applications: Zeus echoes sendpoint, so a call shows which application it follows.

A reference is `z1`, the application's id and a MAC over version, IPコード and id: 46 characters of
base64url, all of which the manual allows in sendpoint (50 bytes).
"""

import base64
import hmac
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final, Self
from uuid import UUID

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

VERSION: Final = "z1"
_FORM = re.compile(rf"{VERSION}([0-9A-Za-z_-]{{22}})([0-9A-Za-z_-]{{22}})", re.ASCII)
_MAC_BYTES: Final = 16


def is_reference(text: str) -> bool:
    """Return True if `text` has the form of a reference. It may be forged all the same."""
    return _FORM.fullmatch(text) is not None


def id_in(text: str) -> UUID | None:
    """Return the id that a reference names, or None for a text of another form."""
    found = _FORM.fullmatch(text)
    return UUID(bytes=_decoded(found[1])) if found else None


class ReferenceKeys:
    """Keys of references: the first signs, all of them are accepted. Never shows them."""

    def __init__(self, keys: Sequence[bytes]) -> None:
        """Use `keys`, each of 32 bytes. Raises ValueError for none."""
        if not keys:
            raise ValueError("references need at least one key")
        self._keys = tuple(keys)

    @classmethod
    def derived_from(cls, secret_keys: Sequence[str]) -> Self:
        """Return the keys that belong to these Fernet keys, in the same order."""
        return cls([derived_key(key) for key in secret_keys])

    def make(self, application_id: UUID, clientip: str) -> str:
        """Return the reference of an application with this IPコード."""
        return self._made(self._keys[0], application_id, clientip)

    def signed(self, text: str, clientip: str) -> bool:
        """Return True if one of the keys signed this reference for this IPコード."""
        application_id = id_in(text)
        if application_id is None:
            return False
        return any(
            hmac.compare_digest(self._made(key, application_id, clientip).encode(), text.encode())
            for key in self._keys
        )

    @staticmethod
    def _made(key: bytes, application_id: UUID, clientip: str) -> str:
        signed = b"\0".join((VERSION.encode(), clientip.encode(), application_id.bytes))
        mac = hmac.digest(key, signed, sha256)[:_MAC_BYTES]
        return VERSION + _encoded(application_id.bytes) + _encoded(mac)


def derived_key(secret_key: str) -> bytes:
    """Return the key of references that belongs to a Fernet key of RELAY_SECRET_KEYS."""
    return HKDF(SHA256(), 32, salt=None, info=b"zeus-relay reference z1").derive(
        base64.urlsafe_b64decode(secret_key)
    )


def fingerprint(key: bytes) -> bytes:
    """Return what tells a key of references from others without showing it: 16 bytes."""
    return hmac.digest(key, b"zeus-relay fingerprint", sha256)[:_MAC_BYTES]


def _encoded(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()


def _decoded(text: str) -> bytes:
    return base64.urlsafe_b64decode(text + "==")
