"""The page about the log lists every line that the code can write, and lines about one thing carry its id."""

import ast

import pytest

from docs.log_events import APP, log_events
from tests.docs.pages import page

LINES = log_events()
_ABOUT = {"notice": "notice_id", "sample": "sample_id", "webhook": "outbound_webhook_id"}
_OF_MANY = {"sample_dropped"}  # the one that could not be stored is not to be found by any id


def test_lines_are_found() -> None:
    assert {"needs_attention", "webhook_dead", "database_away", "{what}_failed"} <= {line.event for line in LINES}


@pytest.mark.parametrize("event", sorted({line.event for line in LINES}))
def test_every_line_is_on_the_page(event: str) -> None:
    assert f"| `{event}` |" in page("docs/reference/logs.md")


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
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call) and ast.unparse(node.value.func) == "get_logger":
                assert ["log"] == [ast.unparse(target) for target in node.targets], path
