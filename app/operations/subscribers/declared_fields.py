"""Fields of a declared subscriber: reads its files, and checks fields like those of operators."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import SecretStr, ValidationError

from app.configured_files import read_configured_text
from app.crypto.vault import Vault
from app.operations.errors import NotAcceptable
from app.operations.models import check_name
from app.operations.subscribers.connection import connection_columns
from app.operations.subscribers.feed_tokens import hash_of
from app.operations.subscribers.models import NewSubscriber
from app.operations.subscribers.subscribers import check_delivery_method
from app.operations.subscribers.validation import (
    UrlRules,
    check_event_types,
    check_signing_secret,
)
from app.settings import IN_FILES, DeclaredSubscriber, WrongSettings, variable_of

_TOKEN = re.compile(r"zft_[0-9A-Za-z_-]{43,200}")
_MILLISECOND = timedelta(milliseconds=1)
_STAYS = ("test", "ordered", "max_in_flight", "timeout_ms", "rate_limit")
_NAMES: Mapping[str, str] = MappingProxyType({"event_types": "events", "timeout_ms": "timeout"})
"""Names in a declaration of API fields that differ there."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Subscriber as declared. `secret` is None for a feed and for a key that the relay makes."""

    name: str
    columns: Mapping[str, Any]
    options: NewSubscriber
    secret: str | None
    feed: bool


def read_declaration(declared: DeclaredSubscriber, vault: Vault, rules: UrlRules) -> Wanted:
    """Return the declared subscriber, with its files read and every field checked.

    Raise WrongSettings, which names the subscriber and the field, but no value.
    """
    texts = {field: _text_of(declared, field) for field in IN_FILES}
    try:
        new = NewSubscriber.model_validate(_fields_of(declared, texts))
        check_name(new.name)
        check_delivery_method(new, rules)
        columns: dict[str, Any] = {
            "url": new.url or "",
            "event_types": check_event_types(new.event_types),
            "customer": new.customer,
        }
        connection_columns(vault, None, new, expired_too=True)
        _check_credentials(texts)
    except ValidationError as error:
        fault = error.errors(include_url=False, include_input=False)[0]
        raise wrong_declaration(
            declared.name, str(fault["loc"][0]), fault["msg"].removeprefix("Value error, ")
        ) from None
    except NotAcceptable as error:
        raise wrong_declaration(declared.name, error.field, str(error)) from None
    columns |= {field: getattr(new, field) for field in _STAYS if field in new.model_fields_set}
    columns |= {
        "declared": True,
        "feed": new.feed,
        "feed_hash": hash_of(texts["token"] or "") if new.feed else None,
    }
    return Wanted(new.name, columns, new, texts["secret"], new.feed)


def _fields_of(declared: DeclaredSubscriber, texts: Mapping[str, str | None]) -> dict[str, Any]:
    """Return the API fields that the declaration sets, and no others."""
    fields: dict[str, Any] = {
        "name": declared.name,
        "url": declared.url,
        "feed": declared.feed,
        "customer": declared.customer,
    }
    fields["event_types"] = declared.events
    may_stay = {"test", "ordered", "max_in_flight", "rate_limit", "headers"}
    same_name = may_stay & declared.model_fields_set
    fields |= {field: getattr(declared, field) for field in same_name}
    if "timeout" in declared.model_fields_set:
        fields["timeout_ms"] = (
            None if declared.timeout is None else declared.timeout // _MILLISECOND
        )
    for field in ("ca", "client_certificate"):
        if {field, f"{field}_file"} & declared.model_fields_set:
            fields[field] = texts[field]
    return fields


def _check_credentials(texts: Mapping[str, str | None]) -> None:
    if texts["secret"] is not None:
        check_signing_secret(texts["secret"])
    if texts["token"] is not None and not _TOKEN.fullmatch(texts["token"]):
        raise NotAcceptable(
            "token", "A feed token is `zft_` and 43 to 200 letters, digits, `-` and `_`."
        )


def _text_of(declared: DeclaredSubscriber, field: str) -> str | None:
    """Return the value of a field, or the stripped text of the file named instead."""
    path: Path | None = getattr(declared, f"{field}_file")
    if path is not None:
        try:
            return read_configured_text(path).strip()
        except (OSError, UnicodeDecodeError):
            raise wrong_declaration(
                declared.name, f"{field}_file", "The file cannot be read as text."
            ) from None
    value: SecretStr | str | None = getattr(declared, field)
    return value.get_secret_value() if isinstance(value, SecretStr) else value


def wrong_declaration(name: str, field: str, reason: str) -> WrongSettings:
    """Return the error that names the variable, the subscriber, the field and the reason."""
    return WrongSettings(
        f"{variable_of('subscribers')}: [{name}] {_NAMES.get(field, field)}: {reason}"
    )
