"""Every line the service can log, read from its source: the name of the event, its level, its stage and its fields."""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

APP = Path(__file__).parents[1] / "app"
_LEVELS = ("debug", "info", "warning", "error")


@dataclass(frozen=True, slots=True, order=True)
class LogEvent:
    """One kind of line. A part of a name that the code puts in stands in braces; `…` among the fields: further ones."""

    event: str
    level: str
    stage: str
    fields: tuple[str, ...]


def log_events() -> list[LogEvent]:
    """All of them, by name."""
    return sorted({event for path in sorted(APP.rglob("*.py")) for event in _events_of(ast.parse(path.read_text()))})


def log_table() -> str:
    """The same as a table."""
    rows = ["| event | level | stage | further fields |\n|---|---|---|---|\n"]
    for line in log_events():
        fields = ", ".join(f"`{field}`" for field in line.fields)
        rows.append(f"| `{line.event}` | {line.level} | `{line.stage}` | {fields} |\n")
    return "".join(rows)


def _events_of(tree: ast.Module) -> Iterator[LogEvent]:
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    stage = next((_text(call.args[0]) for call in calls if isinstance(call.func, ast.Name) and call.func.id == "get_logger"), "")
    for call in calls:
        function = call.func
        if isinstance(function, ast.Attribute) and function.attr in _LEVELS and getattr(function.value, "id", "") == "log":
            fields = tuple(name for keyword in call.keywords for name in _fields_of(keyword))
            yield LogEvent(_text(call.args[0]), function.attr, stage, fields)


def _fields_of(keyword: ast.keyword) -> tuple[str, ...]:
    if keyword.arg is not None:
        return (keyword.arg,)
    return ("outbound_webhook_id", "event_id") if ast.unparse(keyword.value).startswith("_ids(") else ("…",)


def _text(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr):
        return "".join(_text(part) for part in node.values)
    return f"{{{ast.unparse(node.value)}}}" if isinstance(node, ast.FormattedValue) else str(ast.literal_eval(node))
