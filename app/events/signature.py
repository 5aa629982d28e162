"""Signing a webhook as the Standard Webhooks specification 1.0 says: HMAC-SHA256 over id, timestamp and body."""

import base64
import binascii
import secrets
from collections.abc import Sequence
from datetime import UTC, datetime

from standardwebhooks import Webhook

PREFIX = "whsec_"
_SECRET_BYTES = 32  # the specification allows 24 to 64


def new_secret() -> str:
    """A fresh signing secret, `whsec_` and 32 random bytes in base64."""
    return PREFIX + base64.b64encode(secrets.token_bytes(_SECRET_BYTES)).decode()


def check_secret(secret: str) -> None:
    """Raise ValueError unless `secret` is `whsec_` and 24 to 64 bytes in base64."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except binascii.Error:
        key = b""
    if not secret.startswith(PREFIX) or not 24 <= len(key) <= 64:
        raise ValueError(f"a signing secret is {PREFIX} and 24 to 64 bytes in base64")


def signed_headers(webhook_id: str, sent_at: datetime, body: bytes, keys: Sequence[str]) -> dict[str, str]:
    """The three headers of one attempt. Several `keys` (during a rotation) give several signatures, any of which verifies."""
    text = body.decode()
    sent_at = sent_at.astimezone(UTC)
    return {
        "webhook-id": webhook_id,
        "webhook-timestamp": str(int(sent_at.timestamp())),
        "webhook-signature": " ".join(Webhook(key).sign(webhook_id, sent_at, text) for key in keys),
    }
