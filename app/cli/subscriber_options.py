"""Command-line options of a subscriber: sequence, limits, timeout, headers and certificates."""

from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from app.settings import parse_duration

Ordered = Annotated[
    bool | None,
    typer.Option(
        "--ordered/--unordered",
        help="Deliver the events of an order strictly in sequence.",
        show_default=False,
    ),
]
MaxInFlight = Annotated[
    int | None,
    typer.Option(
        "--max-in-flight",
        metavar="N",
        help="Maximum number of webhooks in flight, 1 to 200.",
        show_default=False,
    ),
]
AttemptTimeout = Annotated[
    str | None,
    typer.Option("--timeout", help="Timeout of an attempt, 1s to 60s.", show_default=False),
]
RateLimit = Annotated[
    int | None,
    typer.Option(
        "--rate-limit",
        metavar="N",
        help="Maximum number of webhooks per second.",
        show_default=False,
    ),
]

_MILLISECOND = timedelta(milliseconds=1)


def pace_of(
    ordered: bool | None, max_in_flight: int | None, timeout: str | None, rate_limit: int | None
) -> dict[str, object]:
    """Return the API fields of the limits that are given."""
    fields: dict[str, object] = {
        "ordered": ordered,
        "max_in_flight": max_in_flight,
        "rate_limit": rate_limit,
    }
    if timeout is not None:
        fields["timeout_ms"] = _milliseconds(timeout)
    return {field: value for field, value in fields.items() if value is not None}


def _milliseconds(duration: str) -> int:
    try:
        return parse_duration(duration) // _MILLISECOND
    except (ValueError, OverflowError):
        raise typer.BadParameter(
            "must be a duration between 1s and 60s, such as 10s", param_hint="--timeout"
        ) from None


class Removable(StrEnum):
    """An option that `--without` removes from a subscriber."""

    HEADERS = "headers"
    CA = "ca"
    CLIENT_CERTIFICATE = "client-certificate"
    RATE_LIMIT = "rate-limit"
    TIMEOUT = "timeout"

    @property
    def field(self) -> str:
        """Return its name in the API."""
        return "timeout_ms" if self is Removable.TIMEOUT else self.value.replace("-", "_")


Headers = Annotated[
    list[str] | None,
    typer.Option(
        "--header",
        metavar="'NAME: VALUE'",
        help="A header for its webhooks (repeatable).",
        show_default=False,
    ),
]
CaFile = Annotated[
    Path | None,
    typer.Option(
        "--ca",
        exists=True,
        dir_okay=False,
        help="PEM file of the only certificate authorities to trust for this subscriber.",
        show_default=False,
    ),
]
CertificateFile = Annotated[
    Path | None,
    typer.Option(
        "--client-certificate",
        exists=True,
        dir_okay=False,
        help="PEM file with our client certificate and its unencrypted private key.",
        show_default=False,
    ),
]
Without = Annotated[
    list[Removable] | None,
    typer.Option(
        "--without", help="Remove this option from the subscriber (repeatable).", show_default=False
    ),
]


def connection_fields_of(
    headers: list[str] | None,
    ca: Path | None,
    client_certificate: Path | None,
    without: list[Removable] | None = None,
) -> dict[str, object]:
    """Return the API fields of the connection options that are given or removed."""
    fields: dict[str, object] = {removed.field: None for removed in without or []}
    if headers:
        fields["headers"] = dict(_pair(header) for header in headers)
    if ca is not None:
        fields["ca"] = _text_of(ca, "--ca")
    if client_certificate is not None:
        fields["client_certificate"] = _text_of(client_certificate, "--client-certificate")
    return fields


def _pair(header: str) -> tuple[str, str]:
    name, colon, value = header.partition(":")
    if not colon:
        raise typer.BadParameter("must be written 'NAME: VALUE'", param_hint="--header")
    return name.strip(), value.strip()


def _text_of(path: Path, option: str) -> str:
    try:
        return path.read_text()
    except (OSError, UnicodeDecodeError):
        raise typer.BadParameter("cannot be read as text", param_hint=option) from None
