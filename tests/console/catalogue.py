"""Texts of the console's code and templates, extracted by Babel."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

CONSOLE = Path(__file__).parents[2] / "app" / "console"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
Message = str | tuple[str, ...]


def messages() -> list[Message]:
    """Return every translatable text in order of appearance; a plural text is a pair."""
    found = extract_from_dir(CONSOLE, _METHODS, {}, keywords=_KEYWORDS)
    return list(dict.fromkeys(message for _, _, message, _, _ in found if message))
