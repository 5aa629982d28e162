"""Documentation against code: named things exist, and existing things are named."""

import re
from itertools import chain
from typing import Any

import pytest
import typer

from app.events.types import EventType
from app.main.commands import application
from app.settings import PREFIX, Settings, variable_of
from app.zeus.statuses import FACTS
from tests.docs.pages import MOVED, anchors, commands, links, page
from tools.docs.generate import ROOT, filled, pages

READMES = ("README.md", "README.ja.md")
PAGES = [str(file.relative_to(ROOT)) for file in pages()]
USED = [name for name in PAGES if not name.startswith("docs/decisions/")]
"""Pages about the use of zeus-relay; decisions also name rejected options."""
PROGRAM = typer.main.get_command(application())


def _reached() -> set[str]:
    """Return every page that is linked from the README; a link to a folder links its pages."""
    reached, ahead = set(), ["README.md"]
    while ahead:
        at = ahead.pop()
        reached.add(at)
        for link in links(page(at)):
            target = ((ROOT / at).parent / link.partition("#")[0]).resolve()
            found = (
                target.glob("*.md")
                if target.is_dir()
                else [target]
                if target.suffix == ".md"
                else []
            )
            ahead += {str(file.relative_to(ROOT)) for file in found} - reached
    return reached


REACHED = _reached()


@pytest.mark.parametrize("name", PAGES)
def test_generated_blocks_match_the_code(name: str) -> None:
    assert filled(page(name)) == page(name), "run `.venv/bin/python -m tools.docs`"


@pytest.mark.parametrize("event_type", EventType)
def test_every_event_type_is_documented(event_type: EventType) -> None:
    assert f"| `{event_type}` |" in page("docs/reference/events.md")


@pytest.mark.parametrize("name", ["docs/reference/events.md", "README.ja.md"])
def test_every_status_is_documented(name: str) -> None:
    assert [f"| `{status}` | {facts.japanese} |" for status, facts in FACTS.items()] == re.findall(
        r"^(\| `\d\d` \| [^|]+ \|)", page(name), re.MULTILINE
    )


@pytest.mark.parametrize("field", Settings.model_fields)
def test_every_setting_is_documented(field: str) -> None:
    assert f"\n#{variable_of(field)}=" in page("docs/reference/settings.md")


@pytest.mark.parametrize("name", USED)
def test_named_settings_exist(name: str) -> None:
    named = set(re.findall(rf"\b{PREFIX}[A-Z_]*[A-Z]\b", page(name)))
    assert named <= {variable_of(field) for field in Settings.model_fields}


@pytest.mark.parametrize("name", USED)
def test_named_make_targets_exist(name: str) -> None:
    makefile = page("Makefile")
    targets = set(
        chain(
            *(
                re.findall(r"(?:^| )([a-z][a-z-]*)(?= |$)", command)
                for command in commands(page(name), "make")
            )
        )
    )
    assert targets <= set(re.findall(r"^([a-z][a-z-]*):", makefile, re.MULTILINE))


@pytest.mark.parametrize("name", USED)
def test_named_commands_exist(name: str) -> None:
    for line in commands(page(name), "zeus-relay"):
        command, rest = _resolve(line)
        options = {
            option
            for parameter in command.params
            for option in (*parameter.opts, *parameter.secondary_opts)
        } | {"--help"}
        unknown = set(re.findall(r"(?<!\S)--[a-z-]+", rest)) - options
        assert not unknown, f"zeus-relay {line}: there is no {unknown}"


def _resolve(line: str) -> tuple[Any, str]:
    """Return the command that a line runs, and the rest of the line."""
    command: Any = PROGRAM
    words = line.split()
    while words and not words[0].startswith("-") and hasattr(command, "commands"):
        name = words.pop(0)
        assert name in command.commands, f"zeus-relay {line}: there is no {name}"
        command = command.commands[name]
    return command, " ".join(words)


@pytest.mark.parametrize("name", PAGES)
def test_links_are_valid(name: str) -> None:
    for link in links(page(name)):
        if re.match(r"[a-z]+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (ROOT / name).parent / path if path else ROOT / name
        assert target.exists(), f"{link}: there is no such file"
        if anchor:
            assert anchor in anchors(target), f"{link}: there is no such heading"


@pytest.mark.parametrize(("old", "new"), MOVED.items())
def test_the_old_place_of_a_moved_page_links_the_new_one(old: str, new: str) -> None:
    assert new.removeprefix("docs/") in links(page(old))


def test_no_page_links_the_old_place_of_a_moved_page() -> None:
    assert set() == REACHED & MOVED.keys()


@pytest.mark.parametrize("name", [name for name in PAGES if name not in MOVED])
def test_every_page_is_linked(name: str) -> None:
    assert name in REACHED, "link it from docs/index.md"


@pytest.mark.parametrize("name", READMES)
def test_readme_is_short(name: str) -> None:
    assert len(page(name).splitlines()) < 150


def test_both_readmes_show_the_same_commands() -> None:
    english, japanese = (
        [
            line
            for program in ("make", "zeus-relay")
            for line in sorted(set(commands(page(name), program)))
        ]
        for name in READMES
    )
    assert english == japanese


def test_no_page_shows_an_address_outside_the_ranges_for_documentation() -> None:
    allowed = re.compile(
        r"192\.0\.2\.|198\.51\.100\.|203\.0\.113\.|127\.|0\.0\.0\.0|169\.254\.169\.254|10\.|172\.|192\.168\."
    )
    found = [
        address
        for name in PAGES
        for address in re.findall(r"\b(?:\d{1,3}\.){3}\d{1,3}\b", page(name))
    ]
    assert [address for address in found if not allowed.match(address)] == []
