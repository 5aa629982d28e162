"""Reference text of the settings, made from the code: `.env.example`."""

import textwrap
from datetime import timedelta
from typing import Any

from pydantic import SecretStr

from app.settings import Settings, variable_of

_HEAD = """\
# Settings of zeus-relay: every variable, with its default or, behind `e.g.`, an example.
# Copy this file to .env, or set the variables in the environment; the environment wins.
# Lists are separated by commas; durations are 250ms, 5s, 30m, 2h or 1d.
"""


def env_example() -> str:
    """Return the text of `.env.example`."""
    return _HEAD + "".join(_entry(field) for field in Settings.model_fields)


def _entry(field: str) -> str:
    info = Settings.model_fields[field]
    comment = textwrap.fill(
        info.description or "", 118, initial_indent="# ", subsequent_indent="# "
    )
    default = _text(info.get_default(call_default_factory=True))
    example = (info.examples or [""])[0]
    hint = f"\n# e.g. {variable_of(field)}={example}" if str(example) != default else ""
    return f"\n{comment}{hint}\n#{variable_of(field)}={default}\n"


def _text(value: Any) -> str:
    """Return a default as it is written in the environment."""
    if value is None or isinstance(value, SecretStr):
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return ",".join(_text(item) for item in value)
    if isinstance(value, timedelta):
        return _duration(value)
    return str(value)


def _duration(value: timedelta) -> str:
    seconds = value.total_seconds()
    for unit, size in (("h", 3600), ("m", 60), ("s", 1)):
        if seconds and seconds % size == 0:
            return f"{int(seconds // size)}{unit}"
    return f"{seconds:g}s"
