"""Signing of mails in tests: our own signer can also do what no honest signer does."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA1, SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
)

from app.mailbox.parsing.header_fields import HeaderField, read_header
from app.mailbox.signatures.tags import body_pieces, relaxed_field, signed_fields
from app.network.text_records import DnsFailed


@dataclass(slots=True)
class Signer:
    """A domain with a key and a record in DNS."""

    domain: str
    key: RSAPrivateKey | Ed25519PrivateKey
    selector: str = "test"

    @property
    def name(self) -> str:
        """Return the name of the record."""
        return f"{self.selector}._domainkey.{self.domain}"

    def record(self, tags: str = "") -> bytes:
        """Return the record, with more tags in front of p=."""
        if isinstance(self.key, Ed25519PrivateKey):
            public = self.key.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
            kind = "ed25519"
        else:
            public = self.key.public_key().public_bytes(
                Encoding.DER, PublicFormat.SubjectPublicKeyInfo
            )
            kind = "rsa"
        return f"v=DKIM1; k={kind}; {tags} p={base64.b64encode(public).decode()}".encode()

    def pem(self) -> str:
        """Return the private key as dkimpy wants it."""
        form = PrivateFormat.TraditionalOpenSSL
        return self.key.private_bytes(Encoding.PEM, form, NoEncryption()).decode()

    def sign(
        self,
        raw: bytes,
        signed: Sequence[str] = ("from", "subject", "date"),
        *,
        tags: str = "",
        algorithm: str | None = None,
        part: int | None = None,
    ) -> bytes:
        """Return the message with a DKIM-Signature, relaxed/relaxed. `part`: l=."""
        header = read_header(raw)
        body = b"".join(body_pieces(raw[header.body_at :], "relaxed"))
        if part is not None:
            body, tags = body[:part], f"{tags} l={part};"
        is_rsa = isinstance(self.key, RSAPrivateKey)
        algorithm = algorithm or ("rsa-sha256" if is_rsa else "ed25519-sha256")
        digest = hashlib.sha1 if algorithm == "rsa-sha1" else hashlib.sha256
        value = (
            f" v=1; a={algorithm}; c=relaxed/relaxed; d={self.domain}; s={self.selector};"
            f" h={':'.join(signed)};{tags} bh={base64.b64encode(digest(body).digest()).decode()};"
            " b="
        ).encode()
        own = HeaderField(b"DKIM-Signature", value)
        covered = b"\r\n".join(map(relaxed_field, [*signed_fields(header.fields, signed), own]))
        if isinstance(self.key, RSAPrivateKey):
            kind = SHA1() if algorithm == "rsa-sha1" else SHA256()  # noqa: S303
            made = self.key.sign(covered, PKCS1v15(), kind)
        else:
            made = self.key.sign(hashlib.sha256(covered).digest())
        return b"DKIM-Signature:" + value + base64.b64encode(made) + b"\r\n" + raw


def rsa(bits: int = 2048) -> RSAPrivateKey:
    """Return a new key."""
    return generate_private_key(65537, bits)


@dataclass(slots=True)
class Records:
    """TXT records without DNS, and what was asked for."""

    known: dict[str, Sequence[bytes]] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    fails: bool = False

    async def texts(self, name: str) -> Sequence[bytes]:
        """Return the records of `name`."""
        self.asked.append(name)
        if self.fails:
            raise DnsFailed("silent")
        return self.known.get(name, ())
