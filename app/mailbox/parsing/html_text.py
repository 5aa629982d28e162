"""Text of an HTML mail: one line for each line that a reader sees. Linear in time."""

import html
import re
from collections.abc import Iterator
from typing import Final

_BLOCKS = "p|div|tr|li|ul|ol|table|h[1-6]|hr|pre|blockquote|section|article|dt|dd|dl|address"
_BREAK: Final = re.compile(f"br|{_BLOCKS}")
_HIDDEN: Final = frozenset(("script", "style", "head", "title", "template"))
_NAME = re.compile(r"/?\s*([a-zA-Z][a-zA-Z0-9]*)")


def text_of_html(source: str) -> str:
    """Return the visible text of `source`, which may be any text."""
    hidden: str | None = None
    texts: list[str] = []
    for is_tag, piece in _pieces(source):
        if not is_tag:
            if hidden is None:
                texts.append(re.sub(r"[ \t\r\n]+", " ", piece))
            continue
        found = _NAME.match(piece)
        name = found[1].lower() if found else ""
        if hidden is not None:
            hidden = None if piece.startswith("/") and name == hidden else hidden
        elif name in _HIDDEN and not piece.startswith("/"):
            hidden = name
        elif _BREAK.fullmatch(name):
            texts.append("\n")
        elif name in ("td", "th"):
            texts.append(" ")
    lines = html.unescape("".join(texts)).replace("\xa0", " ").split("\n")
    return "\n".join(line.strip() for line in lines)


def _pieces(source: str) -> Iterator[tuple[bool, str]]:
    """Yield each tag without its brackets (True), and each text between tags (False)."""
    at = 0
    while (opened := source.find("<", at)) >= 0:
        yield False, source[at:opened]
        comment = source.startswith("<!--", opened)
        closed = source.find("-->" if comment else ">", opened)
        if closed < 0:
            yield False, source[opened:]
            return
        if not comment:
            yield True, source[opened + 1 : closed]
        at = closed + (3 if comment else 1)
    yield False, source[at:]
