"""Signatures of webhooks by the Standard Webhooks specification 1.0: HMAC-SHA256 with a shared
secret, or Ed25519 with our key.
"""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime
from functools import lru_cache

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from standardwebhooks import Webhook

PREFIX = "whsec_"
PRIVATE_PREFIX = "whsk_"
PUBLIC_PREFIX = "whpk_"
_SECRET_BYTES = 32  # the specification allows 24 to 64
_ED25519_BYTES = 32


def new_secret() -> str:
    """Return a new signing secret: `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def new_private_key() -> str:
    """Return a new Ed25519 key: `whsk_` and its 32 bytes in base64. Only the sender needs it."""
    return (
        PRIVATE_PREFIX + base64.b64encode(Ed25519PrivateKey.generate().private_bytes_raw()).decode()
    )


def public_key_of(secret: str) -> str | None:
    """Return the public key of a `whsk_` key: `whpk_` and 32 bytes in base64. None for a shared
    secret.
    """
    if not secret.startswith(PRIVATE_PREFIX):
        return None
    return (
        PUBLIC_PREFIX
        + base64.b64encode(_private_key(secret).public_key().public_bytes_raw()).decode()
    )


def check_secret(secret: str) -> None:
    """Raise ValueError unless `secret` is `whsec_` and 24 to 64 bytes, or `whsk_` and 32 bytes, in
    base64.
    """
    length = len(_decoded(secret.partition("_")[2]))
    if secret.startswith(PRIVATE_PREFIX) and length != _ED25519_BYTES:
        raise ValueError(f"a private key is {PRIVATE_PREFIX} and {_ED25519_BYTES} bytes in base64")
    if not secret.startswith((PREFIX, PRIVATE_PREFIX)) or not 24 <= length <= 64:
        raise ValueError(f"a signing secret is {PREFIX} and 24 to 64 bytes in base64")


def signed_headers(
    webhook_id: str, sent_at: datetime, body: bytes, keys: Sequence[str]
) -> dict[str, str]:
    """Return the three headers of an attempt.

    Several `keys`, as during a rotation, give several signatures; any of them verifies. A `whsec_`
    key signs as version `v1`, a `whsk_` key as `v1a`; a verifier skips a version that it does not
    know.
    """
    sent_at = sent_at.astimezone(UTC)
    seconds = str(int(sent_at.timestamp()))
    signatures = [
        _sign_asymmetric(key, f"{webhook_id}.{seconds}.".encode() + body)
        if key.startswith(PRIVATE_PREFIX)
        else _webhook(key).sign(webhook_id, sent_at, body.decode())
        for key in keys
    ]
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": seconds,
        "webhook-signature": " ".join(signatures),
    }


def _sign_asymmetric(key: str, content: bytes) -> str:
    return "v1a," + base64.b64encode(_private_key(key).sign(content)).decode()


@lru_cache(maxsize=1_000)
def _webhook(secret: str) -> Webhook:
    return Webhook(secret)


@lru_cache(maxsize=1_000)
def _private_key(secret: str) -> Ed25519PrivateKey:
    return Ed25519PrivateKey.from_private_bytes(
        base64.b64decode(secret.removeprefix(PRIVATE_PREFIX))
    )


def _decoded(text: str) -> bytes:
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
