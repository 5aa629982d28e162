"""Outcome of an attempt that ended in an exception of the HTTP client."""

import errno
import socket
import ssl
from http import HTTPStatus

from app.crypto.vault import KeyMissing
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.network.address_rules import DestinationRefused
from app.network.http.failures import (
    ConnectionEnded,
    HttpFailure,
    ProxyUnreachable,
    TunnelRefused,
)
from app.network.resolver import NO_SUCH_NAME

_OWN_ERRNOS = frozenset(
    {
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOBUFS,
        errno.ENOMEM,
        errno.EADDRNOTAVAIL,
        errno.ENETUNREACH,
        errno.EHOSTUNREACH,
        errno.ENETDOWN,
    }
)
_RESET_ERRNOS = frozenset({errno.ECONNRESET, errno.EPIPE, errno.ECONNABORTED, errno.ENOTCONN})
# The proxy's rules, or a missing password (some answer 401 to that). Any other status means that
# the proxy could not reach the subscriber.
_REFUSED_BY_PROXY = frozenset(
    {
        HTTPStatus.UNAUTHORIZED,
        HTTPStatus.FORBIDDEN,
        HTTPStatus.PROXY_AUTHENTICATION_REQUIRED,
    }
)

Failure = HttpFailure | OSError | DestinationRefused | KeyMissing
FAILURES = (HttpFailure, OSError, DestinationRefused, KeyMissing)
"""Exceptions of a failed attempt; a TimeoutError and an ssl.SSLError are OSErrors."""


def outcome_of(error: Failure) -> DeliveryOutcome:
    """Return the outcome of an attempt that ended in `error` before the status of an answer came.

    The excerpt names the error and holds nothing of what was sent.
    """
    return DeliveryOutcome(_kind(error), excerpt=describe(error))


def _kind(error: Failure) -> OutcomeKind:
    if isinstance(error, DestinationRefused):
        return OutcomeKind.DESTINATION_REFUSED
    if isinstance(error, KeyMissing | ProxyUnreachable):
        return OutcomeKind.OWN_SIDE
    if isinstance(error, TunnelRefused):
        by_rule = error.status in _REFUSED_BY_PROXY
        return OutcomeKind.OWN_SIDE if by_rule else OutcomeKind.UNREACHABLE
    if isinstance(error, OSError):
        return _kind_of_os_error(error)
    return OutcomeKind.BAD_RESPONSE


def _kind_of_os_error(error: OSError) -> OutcomeKind:
    if isinstance(error, TimeoutError):
        return OutcomeKind.TIMEOUT
    if isinstance(error, ssl.SSLError):
        return OutcomeKind.TLS
    if isinstance(error, socket.gaierror):
        return OutcomeKind.DNS if error.errno in NO_SUCH_NAME else OutcomeKind.OWN_SIDE
    if isinstance(error, ConnectionError) and error.errno is None:
        return OutcomeKind.RESET
    return _kind_of_errno(error.errno)


def _kind_of_errno(number: int | None) -> OutcomeKind:
    if number == errno.ECONNREFUSED:
        return OutcomeKind.REFUSED
    if number == errno.ETIMEDOUT:
        return OutcomeKind.TIMEOUT
    if number in _RESET_ERRNOS:
        return OutcomeKind.RESET
    return OutcomeKind.OWN_SIDE if number in _OWN_ERRNOS else OutcomeKind.UNREACHABLE


def describe(error: BaseException) -> str:
    """Return a name for `error` without anything of what was sent."""
    if isinstance(error, ProxyUnreachable) and error.__cause__ is not None:
        return f"{error}: {describe(error.__cause__)}"
    if isinstance(error, DestinationRefused | KeyMissing | HttpFailure | ConnectionEnded):
        return str(error)
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"certificate refused: {error.verify_message}"
    reason = getattr(error, "strerror", None) or getattr(error, "reason", None)
    return f"{type(error).__name__}: {reason}" if isinstance(reason, str) else type(error).__name__
