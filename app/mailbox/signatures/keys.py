"""Public keys of signatures, out of DNS (RFC 6376, 3.6; RFC 8301; RFC 8463)."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import load_der_public_key

from app.mailbox.signatures.tags import NotValid, Tags, names, octets, read_tags, word

_SMALLEST_BITS = 1024
_LARGEST_BITS = 8192


class TextRecords(Protocol):
    """Source of TXT records."""

    async def texts(self, name: str) -> Sequence[bytes]:
        """Return the TXT records of `name`; none if there is no such name. Raise DnsFailed."""


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A key, and what its owner allows."""

    key: RSAPublicKey | Ed25519PublicKey
    is_strict: bool
    """The owner does not sign for subdomains (t=s)."""

    def verify(self, algorithm: str, signature: bytes, digest: bytes) -> None:
        """Raise NotValid unless this key signed the SHA-256 `digest` by `algorithm` (a=)."""
        try:
            if isinstance(self.key, RSAPublicKey) and algorithm == "rsa-sha256":
                self.key.verify(signature, digest, PKCS1v15(), Prehashed(SHA256()))
            elif isinstance(self.key, Ed25519PublicKey) and algorithm == "ed25519-sha256":
                self.key.verify(signature, digest)
            else:
                raise NotValid("another algorithm than the key's")
        except InvalidSignature:
            raise NotValid("signature") from None


async def find_key(records: TextRecords, domain: str, selector: str) -> SigningKey:
    """Return the key of a selector. Raise NotValid without exactly one usable, or DnsFailed."""
    texts = await records.texts(f"{selector}._domainkey.{domain}")
    found = [text for text in texts if b"p=" in text]
    if len(found) != 1:
        raise NotValid("no key" if not found else "several keys")
    return read_key(found[0])


def read_key(record: bytes) -> SigningKey:
    """Return the key in a TXT record. Raise NotValid if it must not be used."""
    tags = read_tags(record)
    if "v" in tags and (next(iter(tags)) != "v" or tags["v"] != b"DKIM1"):
        raise NotValid("no key")
    if "h" in tags and "sha256" not in names(tags):
        raise NotValid("the key does not allow SHA-256")
    if not {"*", "email"} & set(names(tags, "s") if "s" in tags else ["*"]):
        raise NotValid("the key is not for mail")
    flags = names(tags, "t")
    if "y" in flags:
        raise NotValid("the key is only a test")  # as unsigned, RFC 6376, 3.6.1
    return SigningKey(_public_key(tags), "s" in flags)


def _public_key(tags: Tags) -> RSAPublicKey | Ed25519PublicKey:
    data, kind = octets(tags, "p"), word(tags, "k", "rsa")
    if not data:
        raise NotValid("the key was revoked")
    try:
        if kind == "ed25519":
            return Ed25519PublicKey.from_public_bytes(data)
        key = load_der_public_key(data)
    except (ValueError, UnsupportedAlgorithm):
        raise NotValid("the key cannot be read") from None
    if kind != "rsa" or not isinstance(key, RSAPublicKey):
        raise NotValid("another kind of key")
    if not _SMALLEST_BITS <= key.key_size <= _LARGEST_BITS:
        raise NotValid("the key is too short or too long")
    return key
