"""Feed tokens: credentials of subscribers that poll. Own module: the API's middleware needs it."""

import hashlib
import secrets

PREFIX = "zft_"
_RANDOM_BYTES = 32


def new_feed_token() -> str:
    """Return a new feed token."""
    return PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)


def hash_of(token: str) -> bytes:
    """Return the hash to store. A token has 256 random bits, so a slow hash would add nothing."""
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()
