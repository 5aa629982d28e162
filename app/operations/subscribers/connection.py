"""Connection options of subscribers: headers, authorities (CA) and client certificate.

They are checked when given and stored sealed. Operators see only names and dates.
"""

import ssl
from typing import Annotated, Any

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from pydantic import Field, SecretStr

from app.clock import now
from app.crypto.vault import KeyMissing, Vault
from app.db.tables.subscribers import SubscriberRow
from app.forwarding.destinations.connection_options import (
    PLAIN,
    ConnectionOptions,
    HeaderRefused,
    check_headers,
    connection_options_of,
)
from app.forwarding.destinations.http.tls import make_context
from app.operations.errors import NotAcceptable
from app.operations.models import Line, Value

NO_OPTIONS: dict[str, Any] = {
    "header_names": [],
    "private_ca": False,
    "client_certificate_expires_at": None,
    "sealed_transport": None,
}
"""Columns of a subscriber without connection options."""

_LONGEST_PEM = 100_000


class ConnectionFields(Value):
    """Connection options that an operator may give."""

    headers: Annotated[
        dict[Line, SecretStr] | None, Field(examples=[{"authorization": "Bearer 7d3f…"}])
    ] = None
    """Additional headers of its webhooks.

    Names such as `webhook-id`, `host` and `content-length` are reserved.
    """
    ca: Annotated[
        Line | None, Field(max_length=_LONGEST_PEM, examples=["-----BEGIN CERTIFICATE-----\n…"])
    ] = None
    """Certificate authorities (PEM) accepted for its server certificate; missing: the system's."""
    client_certificate: Annotated[SecretStr | None, Field(max_length=_LONGEST_PEM)] = None
    """Client certificate with its chain and its unencrypted private key, as one PEM text."""

    @property
    def connection_fields_set(self) -> set[str]:
        """The names of these fields that were given."""
        return self.model_fields_set & set(ConnectionFields.model_fields)


def connection_columns(
    vault: Vault, row: SubscriberRow | None, fields: ConnectionFields, *, expired_too: bool = False
) -> dict[str, Any]:
    """Return the changed columns of a subscriber; empty if nothing changes.

    `row` is None for a new subscriber. A null in `fields` removes the option. Raise NotAcceptable
    for an invalid value, if no key opens a stored value that stays, and for an expired certificate
    unless `expired_too` is True.
    """
    given = fields.connection_fields_set
    if not given:
        return {}
    present = _present(vault, row)
    if present is None and given != set(ConnectionFields.model_fields):
        raise NotAcceptable(
            "headers",
            "No key opens the stored values, so they cannot be kept. "
            "Give all headers and certificates again.",
        )
    kept = present or PLAIN
    options = ConnectionOptions(
        headers=_headers(fields) if "headers" in given else kept.headers,
        ca=fields.ca or None if "ca" in given else kept.ca,
        client_certificate=_certificate(fields)
        if "client_certificate" in given
        else kept.client_certificate,
    )
    _check_ca(options.ca)
    certificate = _check_certificate(options.client_certificate, expired_too)
    if options == present:
        return {}
    if options == PLAIN:
        return NO_OPTIONS
    return {
        "header_names": sorted(name.lower() for name, _ in options.headers),
        "private_ca": options.ca is not None,
        "client_certificate_expires_at": certificate and certificate.not_valid_after_utc,
        "sealed_transport": vault.seal(options.to_text()),
    }


def _present(vault: Vault, row: SubscriberRow | None) -> ConnectionOptions | None:
    """Return the stored options, or None if no key opens them."""
    if row is None or row.sealed_transport is None:
        return PLAIN
    try:
        return connection_options_of(vault.open(row.sealed_transport))
    except KeyMissing:
        return None


def _headers(fields: ConnectionFields) -> tuple[tuple[str, str], ...]:
    headers = {name: value.get_secret_value() for name, value in (fields.headers or {}).items()}
    try:
        check_headers(headers)
    except HeaderRefused as error:
        raise NotAcceptable("headers", f"{error}.") from None
    return tuple(headers.items())


def _certificate(fields: ConnectionFields) -> str | None:
    return (
        fields.client_certificate.get_secret_value() or None if fields.client_certificate else None
    )


def _check_ca(pem: str | None) -> None:
    if pem is None:
        return
    try:
        x509.load_pem_x509_certificates(pem.encode())
        make_context(pem, None)
    except (ValueError, ssl.SSLError):
        raise NotAcceptable("ca", "This contains no valid certificates in PEM.") from None


def _check_certificate(pem: str | None, expired_too: bool) -> x509.Certificate | None:
    """Return the first certificate, which belongs to the key. Raise NotAcceptable."""
    if pem is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
        key = serialization.load_pem_private_key(pem.encode(), None).public_key()
        same = key.public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ) == certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        make_context(None, pem)
    except (ValueError, TypeError, ssl.SSLError):  # a TypeError means that the key is encrypted
        raise NotAcceptable(
            "client_certificate",
            "This contains no certificate with its unencrypted private key, both in PEM.",
        ) from None
    if not same:
        raise NotAcceptable(
            "client_certificate", "The first certificate does not belong to the private key."
        )
    if certificate.not_valid_after_utc < now() and not expired_too:
        raise NotAcceptable("client_certificate", "The certificate has expired.")
    return certificate
