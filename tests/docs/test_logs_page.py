"""The page about the log lists every line that the code can write, and lines about one thing carry its id."""

import ast
import re

import pytest

from tests.docs.pages import page
from tools.docs.log_events import APP, log_events
from tools.docs.log_meanings import MEANINGS

LINES = log_events()
PAGES = ("docs/reference/logs.md", "docs/reference/logs.ja.md")
_ABOUT = {"notice": "notice_id", "sample": "sample_id", "webhook": "outbound_webhook_id"}
_OF_MANY = {"sample_dropped"}  # the one that could not be stored is not to be found by any id


def test_lines_are_found() -> None:
    assert {"needs_attention", "webhook_dead", "database_away", "claim_failed"} <= {
        line.event for line in LINES
    }


def test_every_name_is_what_the_log_shows() -> None:
    assert [line.event for line in LINES if not re.fullmatch("[a-z_]+", line.event)] == []


@pytest.mark.parametrize("event", sorted({line.event for line in LINES}))
def test_every_line_is_on_both_pages_with_its_meaning(event: str) -> None:
    assert all(MEANINGS.get(event, ("", ""))), "add its meaning to tools/docs/log_meanings*.py"
    for name, meaning in zip(PAGES, MEANINGS[event], strict=True):
        assert re.search(
            rf"^\| `{event}` \|.* \| {re.escape(meaning)} \| ", page(name), re.MULTILINE
        )


def test_no_meaning_is_told_of_a_line_that_is_gone() -> None:
    assert MEANINGS.keys() <= {line.event for line in LINES}


def test_lines_about_a_subscribers_health_are_found() -> None:
    assert {"subscriber_failing", "subscriber_paused", "subscriber_recovered"} <= {
        line.event for line in LINES
    }


def test_no_line_is_logged_in_a_way_that_is_not_read() -> None:
    """A method of the log that is not called where it is named is not found; those of the health are told apart."""
    for path in APP.rglob("*.py"):
        nodes = list(ast.walk(ast.parse(path.read_text())))
        called = [node.func for node in nodes if isinstance(node, ast.Call)]
        named = [
            node
            for node in nodes
            if isinstance(node, ast.Attribute) and getattr(node.value, "id", "") == "log"
        ]
        assert [
            node.lineno for node in named if node not in called
        ] == [] or path.name == "writer.py", path


@pytest.mark.parametrize("line", LINES, ids=lambda line: line.event)
def test_a_line_about_one_thing_carries_its_id(line: object) -> None:
    event, fields = line.event, line.fields  # type: ignore[attr-defined]
    for word, field in _ABOUT.items():
        if word in event.split("_") and event not in _OF_MANY:
            assert field in fields


def test_nothing_is_logged_past_the_log() -> None:
    """Only loggers named `log` are looked at, so there may be no others, and nobody prints."""
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and ast.unparse(node.value.func) == "get_logger"
            ):
                assert ["log"] == [ast.unparse(target) for target in node.targets], path
