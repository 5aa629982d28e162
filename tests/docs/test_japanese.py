"""Japanese pages against English pages: code, links, terms and tables."""

import re

import pytest

from app.settings import Settings
from app.zeus.error_codes import ERROR_CODES
from tests.docs.pages import MOVED, blocks, links, page, rows
from tools.docs.command_line import commands
from tools.docs.generate import ROOT, pages
from tools.docs.japanese import ACTORS, SETTINGS
from tools.docs.japanese_commands import HELP
from tools.docs.japanese_metrics import METRICS
from tools.docs.japanese_operations import OPERATIONS
from tools.docs.japanese_options import PARAMETERS
from tools.docs.metric_families import families
from tools.docs.operations import operations

ENGLISH = [str(file.relative_to(ROOT)) for file in pages() if not file.name.endswith(".ja.md")]
JAPANESE = [str(file.relative_to(ROOT)) for file in pages() if file.name.endswith(".ja.md")]
PAIRS = [
    (name.replace(".ja.md", ".md"), name)
    for name in JAPANESE
    if (ROOT / name.replace(".ja.md", ".md")).exists()
]
ONE_LANGUAGE = ("CHANGELOG.md", "CONTRIBUTING.md", "SECURITY.md")
"""Pages for developers, in English only."""
READMES_AND_LISTS = ("README.ja.md", "docs/reference/settings.ja.md")
"""Japanese pages with their own structure."""


WORDS = {
    "受信先|受信システム": "配信先",
    "注文(?!番号)": "オーダー",
    "署名用シークレット": "署名シークレット",
}
"""Rejected terms. Zeus says オーダー番号.

注文番号 is a merchant's own number, and FamilyMart's for paying at the till.
"""
CATALOGUES = [str(file.relative_to(ROOT)) for file in (ROOT / "app").rglob("*.po")]


def shown(text: str) -> list[str]:
    """Return the code and commands of a page, without comments."""
    code = [
        block
        for language, block in blocks(text)
        if language in ("sh", "ini", "nginx", "caddyfile", "json", "sql")
    ]
    lines = [re.sub(r"(^|\s+)(#|--) .*", "", line) for block in code for line in block.splitlines()]
    return [line for line in lines if line]


@pytest.mark.parametrize("name", ENGLISH + JAPANESE)
def test_every_page_exists_in_both_languages(name: str) -> None:
    assert name in ONE_LANGUAGE or name in {page for pair in PAIRS for page in pair}, (
        "write it in the other language too"
    )


@pytest.mark.parametrize(("english", "japanese"), PAIRS)
def test_both_languages_show_the_same_code(english: str, japanese: str) -> None:
    if japanese in READMES_AND_LISTS:
        pytest.skip("has a cut of its own")
    assert shown(page(english)) == shown(page(japanese))


@pytest.mark.parametrize(
    ("english", "japanese"),
    [pair for pair in PAIRS if pair[1] not in ("README.ja.md", "docs/index.ja.md")],
)
def test_both_languages_link_to_each_other(english: str, japanese: str) -> None:
    assert japanese.rpartition("/")[2] in links(page(english))
    assert english.rpartition("/")[2] in links(page(japanese))


@pytest.mark.parametrize(
    "name",
    [name for name in JAPANESE if name not in ("README.ja.md", "docs/index.ja.md", *MOVED)],
)
def test_every_japanese_page_is_in_the_japanese_index(name: str) -> None:
    assert name.removeprefix("docs/") in links(page("docs/index.ja.md"))


@pytest.mark.parametrize("name", JAPANESE)
def test_japanese_pages_link_to_japanese_pages(name: str) -> None:
    own = {english for english, japanese in PAIRS if japanese == name}
    for link in links(page(name)):
        path = link.partition("#")[0]
        if not path.endswith(".md") or path.endswith(".ja.md"):
            continue
        target = ((ROOT / name).parent / path).resolve()
        translated = target.with_name(target.name.replace(".md", ".ja.md")).exists()
        same = str(target.relative_to(ROOT)) in own
        assert same or not translated, f"{link}: this page exists in Japanese"


@pytest.mark.parametrize("name", JAPANESE + CATALOGUES)
def test_one_thing_has_one_name(name: str) -> None:
    text = (ROOT / name).read_text()
    assert {} == {
        word: found
        for pattern, word in WORDS.items()
        if (found := re.findall(f".*(?:{pattern}).*", text))
    }


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_has_a_japanese_text(field: str) -> None:
    assert field in SETTINGS, (
        "add its Japanese text to app/console/locales/ja/LC_MESSAGES/settings.po"
    )


def test_no_japanese_text_of_a_removed_setting() -> None:
    assert SETTINGS.keys() <= Settings.model_fields.keys()


@pytest.mark.parametrize(
    ("english", "japanese"),
    [
        ("### Fields of `data`", "### `data` の項目"),
        ("### Reasons for a review", "### 確認が必要な理由"),
        ("## Signals", "## シグナル"),
        ("## Flags", "## フラグ"),
    ],
)
def test_both_pages_about_events_have_the_same_rows(english: str, japanese: str) -> None:
    first, second = (
        rows(page(f"docs/reference/events{ending}"), title)
        for ending, title in ((".md", english), (".ja.md", japanese))
    )
    assert [row[0] for row in first] == [row[0] for row in second]
    if "data" in english:
        assert [row[1] for row in first] == [row[1] for row in second]


def test_every_api_operation_has_a_japanese_text() -> None:
    assert OPERATIONS.keys() == {f"{method} {path}" for method, path, _ in operations()}, (
        "see tools/docs/japanese_operations.py"
    )


def test_actors_of_error_codes_have_japanese_texts() -> None:
    assert ACTORS.keys() == {error.who for error in ERROR_CODES.values()}, (
        "see tools/docs/japanese.py"
    )


def test_every_command_has_a_japanese_text() -> None:
    assert HELP.keys() == {command.help for _, command in commands()}, (
        "see tools/docs/japanese_commands.py"
    )


def test_every_option_has_a_japanese_text() -> None:
    used = {
        parameter.help
        for _, command in commands()
        for parameter in command.params
        if parameter.help
    }
    assert PARAMETERS.keys() == used, "see tools/docs/japanese_options.py"


def test_every_metric_has_a_japanese_text() -> None:
    assert METRICS.keys() == {name for name, *_ in families()}, "see tools/docs/japanese_metrics.py"
