"""Form of the decision pages: a dated status line, and the four parts in order."""

import re
from pathlib import Path

import pytest

from tests.docs.pages import links
from tools.docs.generate import ROOT

FOLDER = ROOT / "docs" / "decisions"
ENGLISH = sorted(page for page in FOLDER.glob("*.md") if not page.name.endswith(".ja.md"))
DATE = r"(2\d{3}-[01]\d-[0-3]\d)"
STATUS = re.compile(
    rf"(Proposed|Accepted), {DATE}\."
    rf"(?: Superseded by \[[^]]+\]\(([\w-]+)\.md\), {DATE}\.)?"
    rf"(?: Replaces \[[^]]+\]\(([\w-]+)\.md\)\.)?"
)
JAPANESE_STATUS = re.compile(
    rf"(提案|採用)、{DATE}。"
    rf"(?:\[[^]]+\]\(([\w-]+)\.ja\.md\)で置き換え、{DATE}。)?"
    rf"(?:\[[^]]+\]\(([\w-]+)\.ja\.md\)を置き換え。)?"
)
TRANSLATED = {"Proposed": "提案", "Accepted": "採用"}
PARTS = ["Context", "Decision", "Consequences", "Alternatives"]

Status = tuple[str | None, ...]
"""The status, its date, the page that supersedes it, that date, and the page it replaces."""


def status(page: Path) -> Status:
    """Return what the fifth line says, below the title and the link to the other language."""
    lines = page.read_text().splitlines()
    line = lines[4]
    pattern = JAPANESE_STATUS if page.name.endswith(".ja.md") else STATUS
    match = pattern.fullmatch(line)
    assert match, f"{page.name}: line 5 is {line!r}, not a status with its date"
    assert [line] == [other for other in lines if pattern.fullmatch(other)], f"{page.name}: twice"
    return match.groups()


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_both_languages_give_the_same_status_and_date(page: Path) -> None:
    word, *rest = status(page)
    assert (TRANSLATED[str(word)], *rest) == status(page.with_suffix(".ja.md"))


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_a_superseded_decision_and_its_successor_name_each_other(page: Path) -> None:
    _, _, successor, _, replaced = status(page)
    if successor:
        assert page.stem == status(FOLDER / f"{successor}.md")[4]
    if replaced:
        assert page.stem == status(FOLDER / f"{replaced}.md")[2]


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_a_decision_has_its_four_parts_in_order(page: Path) -> None:
    assert re.findall(r"^## (.*)$", page.read_text(), re.MULTILINE) == PARTS


@pytest.mark.parametrize("page", ENGLISH, ids=lambda page: page.stem)
def test_the_index_links_every_decision(page: Path) -> None:
    index = (ROOT / "docs" / "index.md").read_text()
    assert f"decisions/{page.name}" in links(index)
