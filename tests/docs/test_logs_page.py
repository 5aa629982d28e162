"""Log page against code: every log event is listed, and events of one object carry its id."""

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


def test_log_events_are_found() -> None:
    assert {"needs_attention", "webhook_dead", "database_away", "claim_failed"} <= {
        line.event for line in LINES
    }


def test_every_name_matches_the_log() -> None:
    assert [line.event for line in LINES if not re.fullmatch("[a-z_]+", line.event)] == []


@pytest.mark.parametrize("event", sorted({line.event for line in LINES}))
def test_every_log_event_is_on_both_pages(event: str) -> None:
    assert all(MEANINGS.get(event, ("", ""))), "add its meaning to tools/docs/log_meanings*.py"
    for name, meaning in zip(PAGES, MEANINGS[event], strict=True):
        assert re.search(
            rf"^\| `{event}` \|.* \| {re.escape(meaning)} \| ", page(name), re.MULTILINE
        )


def test_no_meaning_of_a_removed_log_event() -> None:
    assert MEANINGS.keys() <= {line.event for line in LINES}


def test_health_events_are_found() -> None:
    assert {"subscriber_failing", "subscriber_paused", "subscriber_recovered"} <= {
        line.event for line in LINES
    }


def test_every_log_call_is_readable_by_the_generator() -> None:
    """The generator does not see a log method that is passed as a value."""
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
def test_log_events_of_one_object_carry_its_id(line: object) -> None:
    event, fields = line.event, line.fields  # type: ignore[attr-defined]
    for word, field in _ABOUT.items():
        if word in event.split("_") and event not in _OF_MANY:
            assert field in fields


def test_all_logging_uses_the_log_module() -> None:
    """The generator reads only loggers named `log`, so no others and no print may exist."""
    for path in APP.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if (
                isinstance(node, ast.Assign)
                and isinstance(node.value, ast.Call)
                and ast.unparse(node.value.func) == "get_logger"
            ):
                assert ["log"] == [ast.unparse(target) for target in node.targets], path
