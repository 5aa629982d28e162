"""DKIM key of the simulator: signs mails by rsa-sha256, relaxed/relaxed (RFC 6376)."""

import base64
import hashlib
import re
from collections.abc import Sequence

from cryptography.hazmat.primitives.asymmetric.padding import PKCS1v15
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    PublicFormat,
    load_pem_private_key,
)

Headers = Sequence[tuple[str, str]]
"""Names and values of header fields; a value may be folded with CRLF."""
_BITS = 2048
_LINE = 70


class DkimKey:
    """A private key and what follows from it."""

    def __init__(self, pem: bytes | None = None) -> None:
        """Take a key in PEM, or make a new one."""
        key = load_pem_private_key(pem, None) if pem else generate_private_key(65537, _BITS)
        if not isinstance(key, RSAPrivateKey):
            raise TypeError("the DKIM key must be an RSA key")
        self._key = key

    def pem(self) -> bytes:
        """Return the key in PEM, without a password."""
        return self._key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())

    def dns_text(self) -> str:
        """Return the text of the TXT record at `SELECTOR._domainkey.DOMAIN`."""
        public = self._key.public_key()
        der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        return f"v=DKIM1; k=rsa; p={base64.b64encode(der).decode()}"

    def signature(self, headers: Headers, body: bytes, domain: str, selector: str) -> str:
        """Return the value of the DKIM-Signature field that covers all `headers` and the `body`.

        There is no t=: the simulated time may be ahead, and verifiers refuse signatures to come.
        """
        digest = base64.b64encode(hashlib.sha256(relaxed_body(body)).digest()).decode()
        names = ":".join(name.lower() for name, _ in headers)
        unsigned = (
            f"v=1; a=rsa-sha256; c=relaxed/relaxed; d={domain}; s={selector};\r\n"
            f" h={names};\r\n bh={digest};\r\n b="
        )
        covered = "".join(f"{relaxed_header(name, value)}\r\n" for name, value in headers)
        covered += relaxed_header("DKIM-Signature", unsigned)
        signed = base64.b64encode(self._key.sign(covered.encode(), PKCS1v15(), SHA256())).decode()
        return unsigned + "\r\n ".join(re.findall(f".{{1,{_LINE}}}", signed))


def relaxed_header(name: str, value: str) -> str:
    """Return a header field in the relaxed form (RFC 6376, 3.4.2), without its line end."""
    unfolded = re.sub(r"[ \t]+", " ", value.replace("\r\n", "")).strip(" ")
    return f"{name.lower()}:{unfolded}"


def relaxed_body(body: bytes) -> bytes:
    """Return a body with CRLF lines in the relaxed form (RFC 6376, 3.4.4)."""
    lines = [re.sub(rb"[ \t]+", b" ", line).rstrip(b" ") for line in body.split(b"\r\n")]
    text = b"\r\n".join(lines).rstrip(b"\r\n")
    return text + b"\r\n" if text else b""
