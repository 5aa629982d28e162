"""Checked types of settings: URLs, tokens, keys and codes that a plain type does not describe.

Each check raises ValueError with a text that follows the name of the variable.
"""

import base64
import re
from typing import Annotated
from urllib.parse import urlsplit

from pydantic import AfterValidator, SecretStr

from app.settings.database_url import read_database_url
from app.settings.kinds import Names, Secrets

_FERNET_BYTES = 32


def _check_database_url(value: SecretStr) -> SecretStr:
    read_database_url(value.get_secret_value())
    return value


def _check_proxy_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
        raise ValueError("must be an http:// URL with a host and nothing behind its port")
    return value


def _check_web_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
        raise ValueError("must be an https:// or http:// URL with a host and without #")
    return value


def _check_secret_web_url(value: SecretStr) -> SecretStr:
    _check_web_url(value.get_secret_value())
    return value


def _check_mailbox_url(value: SecretStr) -> SecretStr:
    parts = urlsplit(value.get_secret_value())
    if parts.scheme not in ("imaps", "imap") or not parts.hostname or not parts.username:
        raise ValueError("must be imaps://user@host/folder")
    if parts.scheme == "imap" and parts.hostname not in ("localhost", "127.0.0.1", "::1"):
        raise ValueError("must begin with imaps://, except for a server on this machine")
    if parts.password is not None:
        raise ValueError("must not hold the password; set RELAY_MAILBOX_PASSWORD")
    return value


def _check_notify_path(value: str) -> str:
    if not re.fullmatch(r"(/[0-9A-Za-z._~-]+)+", value):
        raise ValueError(
            "must begin with / and hold only letters, digits and . _ ~ - between slashes"
        )
    if value.lower() in ("/healthz", "/readyz"):
        raise ValueError("is taken by the health check")
    return value


def _check_url_token(value: SecretStr) -> SecretStr:
    if not re.fullmatch(r"[0-9A-Za-z_-]{16,}", value.get_secret_value()):
        raise ValueError("needs at least 16 characters, only letters, digits, - and _")
    return value


def _check_long_token(value: SecretStr) -> SecretStr:
    if len(value.get_secret_value()) < 20:
        raise ValueError("needs at least 20 characters")
    return value


def _check_ip_codes(value: list[str]) -> list[str]:
    for code in value:
        if not re.fullmatch(r"[0-9]{10}", code):
            raise ValueError(f"{code!r} is not 10 digits")
    return value


def _check_fernet_keys(value: list[SecretStr]) -> list[SecretStr]:
    for key in value:
        if _length_of_key(key.get_secret_value()) != _FERNET_BYTES:
            raise ValueError(
                "each key must be 32 bytes in URL-safe base64, as `zeus-relay keygen` prints"
            )
    return value


def _length_of_key(key: str) -> int | None:
    """Return the length as Fernet reads a key. Its library is large, and a receiver has no use."""
    try:
        return len(base64.urlsafe_b64decode(key))
    except ValueError:
        return None


PostgresUrl = Annotated[SecretStr, AfterValidator(_check_database_url)]
ProxyUrl = Annotated[SecretStr, AfterValidator(_check_proxy_url)]
WebUrl = Annotated[str, AfterValidator(_check_web_url)]
SecretWebUrl = Annotated[SecretStr, AfterValidator(_check_secret_web_url)]
MailboxUrl = Annotated[SecretStr, AfterValidator(_check_mailbox_url)]
NotifyPath = Annotated[str, AfterValidator(_check_notify_path)]
UrlToken = Annotated[SecretStr, AfterValidator(_check_url_token)]
LongToken = Annotated[SecretStr, AfterValidator(_check_long_token)]
IpCodes = Annotated[Names, AfterValidator(_check_ip_codes)]
FernetKeys = Annotated[Secrets, AfterValidator(_check_fernet_keys)]
