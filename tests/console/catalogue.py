"""The texts of the console's code and templates, as Babel finds them."""

from pathlib import Path

from babel.messages.extract import extract_from_dir

CONSOLE = Path(__file__).parents[2] / "app" / "console"
_METHODS = [("**.py", "python"), ("templates/**.html", "jinja2")]
_KEYWORDS = {"_": None, "gettext": None, "ngettext": (1, 2)}
Message = str | tuple[str, ...]


def messages() -> list[Message]:
    """Every text that is to be translated, in order of appearance; one with a plural is a pair."""
    found = extract_from_dir(CONSOLE, _METHODS, {}, keywords=_KEYWORDS)
    return list(dict.fromkeys(message for _, _, message, _, _ in found if message))
