"""Readers of the documentation: pages, tables, code and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from tools.docs.generate import ROOT

MOVED = {
    "docs/reverse-proxies.md": "docs/reference/reverse-proxies.md",
    "docs/reverse-proxies.ja.md": "docs/reference/reverse-proxies.ja.md",
    "docs/zeus-request-sheet.md": "docs/how-to/zeus-request-sheet.md",
    "docs/zeus-request-sheet.ja.md": "docs/how-to/zeus-request-sheet.ja.md",
}
"""Old places of pages, kept for links from outside, and their new places."""

_ANCHOR_DROPPED = re.compile(r"[^\w\- ]")


def page(name: str) -> str:
    """Return a page's text, by its path from the top of the project."""
    return (ROOT / name).read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """Return the cells of the first table under `heading`, without its head."""
    section = text.split(f"{heading}\n", 1)[1]
    match = re.search(r"^\|.*(?:\n\|.*)*", section, re.MULTILINE)
    assert match, f"there is no table under {heading}"
    return [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in match[0].splitlines()[2:]
    ]


def code_block(text: str, language: str) -> str:
    """Return the first code block in `language`."""
    match = re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert match, f"there is no {language}"
    return match[1]


def blocks(text: str) -> list[tuple[str, str]]:
    """Return every code block with its language; blocks in lists are dedented."""
    found = re.findall(r"^ *(?:\d+\. )?```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [(language, dedent(block)) for language, block in found]


def commands(text: str, program: str) -> Iterator[str]:
    """Return every command line in code that runs `program`, without trailing comments."""
    lines = [
        line
        for language, block in blocks(text)
        if language in ("", "sh", "console", "text")
        for line in block.splitlines()
    ]
    for line in [*lines, *re.findall(r"`([^`\n]+)`", text)]:
        match = re.search(rf"(?:^|\s|bin/){re.escape(program)} ([a-z-][^#|>]*)", line)
        if match and not line.lstrip().startswith("#"):
            yield match[1].strip()


def links(text: str) -> list[str]:
    """Return the targets of all links and pictures."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


def anchors(file: Path) -> set[str]:
    """Return the anchors of a page."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {_ANCHOR_DROPPED.sub("", heading.lower()).replace(" ", "-") for heading in headings}
