"""Settings loader, with errors as texts for a terminal."""

import difflib
import os
import re
from collections.abc import Mapping, Set
from io import StringIO
from pathlib import Path
from typing import Any

from dotenv import dotenv_values
from pydantic import ValidationError
from pydantic_settings import SettingsError

from app.configured_files import read_configured_text
from app.settings.fields import PREFIX, Settings
from app.settings.service_links import service_variables

_FILE = Path(".env")


class WrongSettings(Exception):
    """One or more settings are wrong.

    The text names each variable, the error and a valid example.
    """


def load_settings(environment: Mapping[str, str] | None = None) -> Settings:
    """Return the checked settings; raises WrongSettings with a text for a terminal."""
    environment = os.environ if environment is None else environment
    try:
        unknown = _unknown_variables(environment)
    except UnicodeDecodeError:
        raise WrongSettings(".env: is not UTF-8") from None
    except OSError as error:
        raise WrongSettings(f".env: cannot be read ({error.strerror})") from None
    if unknown:
        raise WrongSettings("\n".join(unknown))
    try:
        return Settings()
    except ValidationError as error:
        raise WrongSettings(
            "\n".join(_explain(problem) for problem in error.errors(include_url=False))
        ) from None
    except SettingsError as error:  # a variable is not valid JSON
        raise WrongSettings(_explain_source(error)) from None


def variable_of(field: str) -> str:
    """Return the environment variable of a field of Settings."""
    return PREFIX + field.upper()


def _unknown_variables(environment: Mapping[str, str]) -> list[str]:
    known = [variable_of(field) for field in Settings.model_fields]
    given = (environment.keys() - set(service_variables(environment))) | _names_in_file(_FILE)
    messages = []
    for name in sorted(given):
        if not name.startswith(PREFIX) or name in known:
            continue
        near = difflib.get_close_matches(name, known, n=1)
        messages.append(
            f"{name}: no setting has this name"
            + (f"; did you mean {near[0]}?" if near else "; .env.example lists all of them")
        )
    return messages


def _names_in_file(file: Path) -> Set[str]:
    """Return the names of the variables in the file; none for a missing file or a directory.

    Raises OSError for a FIFO or a device, at which pydantic would wait, and UnicodeDecodeError.
    """
    if not file.exists() or file.is_dir():
        return set()
    return dotenv_values(stream=StringIO(read_configured_text(file))).keys()


def _explain_source(error: SettingsError) -> str:
    match = re.search(r'field "(\w+)"', str(error))
    if match is None:
        return str(error)
    return _explain({"loc": (match[1],), "msg": "is not valid JSON"})


def _explain(problem: Any) -> str:
    location = problem["loc"]
    message = problem["msg"].removeprefix("Value error, ")
    if not location:
        return str(message)
    field = str(location[0])
    inside = ".".join(str(part) for part in location[1:])
    example = Settings.model_fields[field].examples or [""]
    variable, where = variable_of(field), f"[{inside}] " if inside else ""
    return f"{variable}: {where}{message}. Example: {variable}={example[0]}"
