"""Tokens of feeds: what a subscriber that polls shows instead of holding a signing secret."""

import hashlib
import secrets

PREFIX = "zft_"
_RANDOM_BYTES = 32


def new_feed_token() -> str:
    """A fresh token for a feed."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> bytes:
    """What is kept of a token. It has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
