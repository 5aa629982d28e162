"""Reading the documentation: its pages, tables, code and links."""

import re
from collections.abc import Iterator
from pathlib import Path
from textwrap import dedent

from tools.docs.generate import ROOT

_ANCHOR_DROPPED = re.compile(r"[^\w\- ]")


def page(name: str) -> str:
    """The text of a page, by its path from the top of the project."""
    return (ROOT / name).read_text()


def rows(text: str, heading: str) -> list[list[str]]:
    """The cells of the first table under `heading`, without its head."""
    section = text.split(f"{heading}\n", 1)[1]
    match = re.search(r"^\|.*(?:\n\|.*)*", section, re.MULTILINE)
    assert match, f"there is no table under {heading}"
    return [
        [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        for line in match[0].splitlines()[2:]
    ]


def code_block(text: str, language: str) -> str:
    """The first block of code in `language`."""
    match = re.search(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)
    assert match, f"there is no {language}"
    return match[1]


def blocks(text: str) -> list[tuple[str, str]]:
    """Every block of code with its language, also those inside lists, whose indentation is taken off."""
    found = re.findall(r"^ *(?:\d+\. )?```(\w*)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL)
    return [(language, dedent(block)) for language, block in found]


def commands(text: str, program: str) -> Iterator[str]:
    """Every command line in code, in blocks and in lines of text, that runs `program`; comments behind it are cut off."""
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
    """The targets of all links and pictures."""
    without_code = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
    return re.findall(r"\]\(([^)\s]+)\)", without_code)


def anchors(file: Path) -> set[str]:
    """What can stand behind `#` in a link to this page."""
    headings = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
    return {_ANCHOR_DROPPED.sub("", heading.lower()).replace(" ", "-") for heading in headings}
