"""Every line the service can log, read from its source: the name of the event, its level, its stage and its fields."""

import ast
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from app.events.types import EventType
from tools.docs.log_meanings import MEANINGS
from tools.docs.tables import head, row

APP = Path(__file__).parents[2] / "app"
_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """One kind of line; `…` among its fields stands for further ones."""

    event: str
    level: str
    stage: str
    fields: tuple[str, ...]


_HEALTH = {
    EventType.SUBSCRIBER_FAILING: "warning",
    EventType.SUBSCRIBER_PAUSED: "warning",
    EventType.SUBSCRIBER_RECOVERED: "info",
}
"""Signals about a subscriber's health are logged under their own names, made in the code (`app/forwarding/attempts/writer.py`)."""


def log_events() -> list[LogEvent]:
    """All of them, by name."""
    trees = [ast.parse(path.read_text()) for path in sorted(APP.rglob("*.py"))]
    done = {work for tree in trees for work in _transactions(tree)}
    found = {one for tree in trees for event in _events_of(tree) for one in _each(event, done)}
    return sorted(found.union(_health()))


def log_table() -> str:
    """The same as a table."""
    return head("event", "level", "stage", "meaning", "further fields") + "".join(
        _row(line, 0, ", ") for line in log_events()
    )


def log_table_in_japanese() -> str:
    """The same in Japanese."""
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
    for signal, level in _HEALTH.items():
        yield LogEvent(
            signal.replace(".", "_"),
            level,
            "forwarding",
            ("subscriber_id", "subscriber", "reason", "failures"),
        )


def _transactions(tree: ast.Module) -> Iterator[str]:
    """What is done in a transaction whose failure `in_transaction` logs under a name made of it."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "in_transaction":
            yield _text(node.args[1])


def _each(event: LogEvent, done: Iterable[str]) -> Iterator[LogEvent]:
    if "{what}" not in event.event:
        yield event
        return
    for work in done:
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
