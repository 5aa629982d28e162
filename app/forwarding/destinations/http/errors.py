"""Outcome of an attempt that ended in an exception of the HTTP client."""

import errno
import socket
import ssl
from http import HTTPStatus

import aiohttp
from aiohttp.http_exceptions import ContentLengthError

from app.crypto.vault import KeyMissing
from app.forwarding.outcome import DeliveryOutcome, OutcomeKind
from app.network.address_rules import DestinationRefused
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
# The proxy's rules, or a missing password. Any other status means that the proxy could not
# reach the subscriber.
_REFUSED_BY_PROXY = frozenset({HTTPStatus.FORBIDDEN, HTTPStatus.PROXY_AUTHENTICATION_REQUIRED})

Failure = aiohttp.ClientError | OSError | DestinationRefused | KeyMissing
FAILURES = (aiohttp.ClientError, OSError, DestinationRefused, KeyMissing)
"""Exceptions of a failed attempt; a TimeoutError is an OSError."""


def outcome_of(error: Failure) -> DeliveryOutcome:
    """Return the outcome of an attempt that ended in `error` before the status of an answer came.

    The excerpt names the error and holds nothing of what was sent.
    """
    return DeliveryOutcome(_kind(error), excerpt=describe(error))


def _kind(error: Failure) -> OutcomeKind:
    if isinstance(error, DestinationRefused):
        return OutcomeKind.DESTINATION_REFUSED
    if isinstance(error, KeyMissing):
        return OutcomeKind.OWN_SIDE
    if isinstance(error, TimeoutError):
        return OutcomeKind.TIMEOUT
    if isinstance(error, aiohttp.ClientSSLError | ssl.SSLError):
        return OutcomeKind.TLS
    if isinstance(
        error, aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError | socket.gaierror
    ):
        return _kind_of_connect(error)
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return OutcomeKind.RESET
    if isinstance(error, aiohttp.ClientPayloadError):
        # The connection ended before the announced length; any other cause is a malformed body.
        return (
            OutcomeKind.RESET
            if isinstance(error.__cause__, ContentLengthError)
            else OutcomeKind.BAD_RESPONSE
        )
    if isinstance(error, OSError):
        return _kind_of_errno(error.errno)
    return OutcomeKind.BAD_RESPONSE


def _kind_of_connect(
    error: aiohttp.ClientConnectorError | aiohttp.ClientHttpProxyError | socket.gaierror,
) -> OutcomeKind:
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return OutcomeKind.OWN_SIDE
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return (
            OutcomeKind.OWN_SIDE if error.status in _REFUSED_BY_PROXY else OutcomeKind.UNREACHABLE
        )
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, TimeoutError):
        return OutcomeKind.TIMEOUT
    if isinstance(cause, socket.gaierror):
        return OutcomeKind.DNS if cause.errno in NO_SUCH_NAME else OutcomeKind.OWN_SIDE
    return _kind_of_errno(cause.errno)


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
    if isinstance(error, DestinationRefused | KeyMissing):
        return str(error)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return f"the proxy answered {error.status}"
    cause = error.os_error if isinstance(error, aiohttp.ClientConnectorError) else error
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"certificate refused: {cause.verify_message}"
    reason = getattr(cause, "strerror", None) or getattr(cause, "reason", None)
    return f"{type(cause).__name__}: {reason}" if isinstance(reason, str) else type(cause).__name__
