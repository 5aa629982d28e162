"""Effective settings and their origins; secrets and network addresses are hidden."""

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum
from typing import Any

from dotenv import dotenv_values
from pydantic import BeforeValidator, SecretStr
from pydantic.fields import FieldInfo

from app.settings import DeclaredSubscriber, Settings, service_variables, variable_of
from app.settings.kinds import parse_size

_CONFIDENTIAL = frozenset({"allowed_sources", "trusted_proxies", "subscriber_networks"})
"""Zeus's addresses are confidential. The other ranges reveal our network."""

_DURATIONS = (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1))
_SIZES = (("GiB", 1024**3), ("MiB", 1024**2), ("KiB", 1024), ("B", 1))


class Origin(StrEnum):
    """Origin of a setting's value."""

    DEFAULT = "default"
    ENVIRONMENT = "environment"
    FILE = ".env"
    PROGRAM = "program"


@dataclass(frozen=True, slots=True)
class ShownSetting:
    """One setting. `text` is its value, or the number of values if `hidden`; empty for none."""

    variable: str
    description: str
    origin: Origin
    text: str
    hidden: bool = False


def shown_settings(
    settings: Settings, environment: Mapping[str, str] | None = None, file: str = ".env"
) -> Sequence[ShownSetting]:
    """Return every setting in the order of the reference.

    Call it at the start of the process, before the file can change.
    """
    environment = os.environ if environment is None else environment
    ignored = service_variables(environment)
    given = {name.upper() for name, value in environment.items() if value and name not in ignored}
    in_file = {name.upper() for name, value in dotenv_values(file).items() if value}
    return [_shown(settings, name, given, in_file) for name in Settings.model_fields]


def _shown(settings: Settings, name: str, given: set[str], in_file: set[str]) -> ShownSetting:
    info = Settings.model_fields[name]
    value = getattr(settings, name)
    variable = variable_of(name)
    if variable in given:
        origin = Origin.ENVIRONMENT
    elif variable in in_file:
        origin = Origin.FILE
    else:
        origin = (
            Origin.DEFAULT
            if value == info.get_default(call_default_factory=True)
            else Origin.PROGRAM
        )
    hidden = bool(value) and (_is_secret(value) or name in _CONFIDENTIAL)
    shown = _in_units(value, _SIZES) if _is_size(info) else _text(value)
    text = str(len(value) if isinstance(value, list) else 1) if hidden else shown
    return ShownSetting(variable, info.description or "", origin, text, hidden)


def _is_secret(value: Any) -> bool:
    return isinstance(value, SecretStr) or (
        isinstance(value, list) and any(isinstance(item, SecretStr) for item in value)
    )


def _is_size(info: FieldInfo) -> bool:
    return any(
        isinstance(part, BeforeValidator) and part.func is parse_size for part in info.metadata
    )


def _in_units(value: int, units: Sequence[tuple[str, int]]) -> str:
    """Return a whole number in the largest unit that divides it, as the settings accept it."""
    unit, size = next(
        ((unit, size) for unit, size in units if value % size == 0 and value >= size), units[-1]
    )
    return f"{value // size}{unit}"


def _text(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ", ".join(_text(item) for item in value)
    if isinstance(value, DeclaredSubscriber):
        return value.name
    if isinstance(value, timedelta):
        return _in_units(round(value / timedelta(milliseconds=1)), _DURATIONS) if value else "0s"
    return str(value)
