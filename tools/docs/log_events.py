"""Table of log events, read from the source: name, level, stage and fields of each line."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.events.types import EventType
from tools.docs.log_meanings import MEANINGS
from tools.docs.tables import head, row

APP = Path(__file__).parents[2] / "app"
_LEVELS = ("debug", "info", "warning", "error")
_WRAPPERS = ("in_transaction", "in_statement")


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """One kind of log line; `…` in `fields` stands for further fields."""

    event: str
    level: str
    stage: str
    fields: tuple[str, ...]


_HEALTH = {
    EventType.SUBSCRIBER_FAILING: "warning",
    EventType.SUBSCRIBER_PAUSED: "warning",
    EventType.SUBSCRIBER_RECOVERED: "info",
}
"""Health events, whose log names `app/forwarding/attempts/writer.py` builds at run time."""


def log_events() -> list[LogEvent]:
    """Return every log event, sorted by name."""
    trees = [ast.parse(path.read_text()) for path in sorted(APP.rglob("*.py"))]
    works = {work for tree in trees for work in _transactions(tree)}
    found = {one for tree in trees for event in _events_of(tree) for one in _each(event, works)}
    return sorted(found.union(_health()))


def log_table() -> str:
    """Return the table of log events."""
    return head("event", "level", "stage", "meaning", "further fields") + "".join(
        _row(line, 0, ", ") for line in log_events()
    )


def log_table_in_japanese() -> str:
    """Return the table of log events in Japanese."""
    return head("イベント", "レベル", "段階", "意味", "その他の項目") + "".join(
        _row(line, 1, "、") for line in log_events()
    )


def _row(line: LogEvent, language: int, comma: str) -> str:
    meaning = MEANINGS.get(line.event, ("", ""))[language]
    return row(
        f"`{line.event}`",
        line.level,
        f"`{line.stage}`",
        meaning,
        comma.join(f"`{field}`" for field in line.fields),
    )


def _health() -> Iterator[LogEvent]:
    for event_type, level in _HEALTH.items():
        yield LogEvent(
            event_type.replace(".", "_"),
            level,
            "forwarding",
            ("subscriber_id", "subscriber", "reason", "failures"),
        )


def _transactions(tree: ast.Module) -> Iterator[str]:
    """Yield each work name from which `in_transaction` and `in_statement` build the log event of a
    failure.
    """
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in _WRAPPERS:
            yield _text(node.args[1])


def _each(event: LogEvent, works: Iterable[str]) -> Iterator[LogEvent]:
    if "{what}" not in event.event:
        yield event
        return
    for work in works:
        yield replace(event, event=event.event.replace("{what}", work))


def _events_of(tree: ast.Module) -> Iterator[LogEvent]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    stage = next(
        (
            _text(call.args[0])
            for call in calls
            if isinstance(call.func, ast.Name) and call.func.id == "get_logger"
        ),
        "",
    )
    for call in calls:
        function = call.func
        if (
            isinstance(function, ast.Attribute)
            and function.attr in _LEVELS
            and getattr(function.value, "id", "") == "log"
        ):
            fields = tuple(name for keyword in call.keywords for name in _fields_of(keyword))
            yield LogEvent(_text(call.args[0]), function.attr, stage, fields)


def _fields_of(keyword: ast.keyword) -> tuple[str, ...]:
    if keyword.arg is not None:
        return (keyword.arg,)
    return (
        ("outbound_webhook_id", "event_id")
        if ast.unparse(keyword.value).startswith("_ids(")
        else ("…",)
    )


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return (
        f"{{{ast.unparse(node.value)}}}"
        if isinstance(node, ast.FormattedValue)
        else str(ast.literal_eval(node))
    )
