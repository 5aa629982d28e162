"""What a subscriber needs beside its URL to be reached: checked as it is given, sealed, and shown only in outline."""

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

NO_TRANSPORT: dict[str, Any] = {
    "header_names": [],
    "private_ca": False,
    "client_certificate_expires_at": None,
    "sealed_transport": None,
}
"""The columns of a subscriber that needs nothing beside its URL."""

_LONGEST_PEM = 100_000


class ConnectionFields(Value):
    """What can be said of the way to a subscriber."""

    headers: Annotated[
        dict[Line, SecretStr] | None, Field(examples=[{"authorization": "Bearer 7d3f…"}])
    ] = None
    """Headers that webhooks carry beside their own. Names such as `webhook-id`, `host` and `content-length` are reserved."""
    ca: Annotated[
        Line | None, Field(max_length=_LONGEST_PEM, examples=["-----BEGIN CERTIFICATE-----\n…"])
    ] = None
    """Authorities, as PEM, that alone may have issued the subscriber's certificate; without, those that the system trusts."""
    client_certificate: Annotated[SecretStr | None, Field(max_length=_LONGEST_PEM)] = None
    """A certificate to show to the subscriber, with its chain and its private key (unencrypted), as one PEM text."""

    @property
    def connection_fields_set(self) -> set[str]:
        """Which of these fields were given."""
        return self.model_fields_set & set(ConnectionFields.model_fields)


def connection_columns(
    vault: Vault, row: SubscriberRow | None, fields: ConnectionFields, *, expired_too: bool = False
) -> dict[str, Any]:
    """The columns of a subscriber (None: a new one) after what `fields` names has changed; null takes it away. Empty if nothing changes.

    Raises NotAcceptable for what cannot be used, or if no key opens what is there and stays; for an expired certificate unless told not to.
    """
    given = fields.connection_fields_set
    if not given:
        return {}
    present = _present(vault, row)
    if present is None and given != set(ConnectionFields.model_fields):
        raise NotAcceptable(
            "headers",
            "No key opens what is there, so that it cannot be kept; give headers and certificates anew.",
        )
    kept = present or PLAIN
    transport = ConnectionOptions(
        headers=_headers(fields) if "headers" in given else kept.headers,
        ca=fields.ca or None if "ca" in given else kept.ca,
        client_certificate=_certificate(fields)
        if "client_certificate" in given
        else kept.client_certificate,
    )
    _check_ca(transport.ca)
    certificate = _check_certificate(transport.client_certificate, expired_too)
    if transport == present:
        return {}
    if transport == PLAIN:
        return NO_TRANSPORT
    return {
        "header_names": sorted(name.lower() for name, _ in transport.headers),
        "private_ca": transport.ca is not None,
        "client_certificate_expires_at": certificate and certificate.not_valid_after_utc,
        "sealed_transport": vault.seal(transport.to_text()),
    }


def _present(vault: Vault, row: SubscriberRow | None) -> ConnectionOptions | None:
    """What is there; None if no key opens it."""
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
    except HeaderRefused as refused:
        raise NotAcceptable("headers", f"{refused}.") from None
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
        raise NotAcceptable("ca", "This holds no certificates in PEM that can be used.") from None


def _check_certificate(pem: str | None, expired_too: bool) -> x509.Certificate | None:
    """The first certificate, which is the one for the key."""
    if pem is None:
        return None
    try:
        certificate = x509.load_pem_x509_certificates(pem.encode())[0]
        key = serialization.load_pem_private_key(pem.encode(), None).public_key()
        same = key.public_bytes(
            Encoding.DER, PublicFormat.SubjectPublicKeyInfo
        ) == certificate.public_key().public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
        make_context(None, pem)
    except (ValueError, TypeError, ssl.SSLError):  # a TypeError says that the key wants a password
        raise NotAcceptable(
            "client_certificate",
            "This holds no certificate with its unencrypted private key, both in PEM.",
        ) from None
    if not same:
        raise NotAcceptable(
            "client_certificate", "The first certificate does not belong to the private key."
        )
    if certificate.not_valid_after_utc < now() and not expired_too:
        raise NotAcceptable("client_certificate", "The certificate has expired.")
    return certificate
