"""Events page against the events that judging and forwarding write."""

import ast
import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.judging import quarantine, rules, verdicts
from app.operations.event_types.schemas import WITHOUT_EVENTS
from app.order_life.reviews import Reason
from app.zeus import canonical, corrections, wire
from tests.docs.pages import code_block, page, rows
from tests.order_life.every_event import every_event
from tests.order_life.shop import FULL, Shop

PAGE = page("docs/reference/events.md")
FIELDS = {
    name.strip("`"): (kind, null_when)
    for name, kind, _, null_when in rows(PAGE, "### Fields of `data`")
}
FLAGS = {name.strip("`") for name, _ in rows(PAGE, "## Flags")}
TYPES: Mapping[str, type | tuple[type, ...]] = {
    "string": str,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "array": list,
    "array of strings": list,
}
LEAST = {"order_no": "1234-56789-01234", "status": "04"}


def events_of(*calls: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the bodies of all events of these calls, with personal data."""
    shop = Shop()
    for values in calls:
        shop.call(values)
    return shop.bodies()


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Return every field of `value` by its path, including objects and lists."""
    if path:
        yield path, value
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from leaves(inner, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for inner in value:
            if isinstance(inner, dict):
                yield from ((f"{path}[].{key}", part) for key, part in inner.items())


EVENTS = every_event()
FOUND = [
    (re.sub(r"^(review\.values)\.\w+", r"\1.NAME", field), value)
    for event in EVENTS
    for field, value in leaves(event["data"])
]
CONFLICT = next(
    event["data"]
    for event in EVENTS
    if event["type"] == "review.required" and event["data"]["review"]["reason"] == "conflict"
)
BARE = dict(leaves(events_of(LEAST)[0]["data"]))


def test_every_field_is_documented_and_every_documented_field_exists() -> None:
    assert {field for field, _ in FOUND} | {"subscriber"} == FIELDS.keys()


@pytest.mark.parametrize("field", sorted(FIELDS.keys() - {"subscriber"}))
def test_fields_have_the_documented_type(field: str) -> None:
    values = [value for name, value in FOUND if name == field and value is not None]
    assert values
    assert all(isinstance(value, TYPES[FIELDS[field][0]]) for value in values)


@pytest.mark.parametrize("field", [name for name, (_, when) in FIELDS.items() if when == "never"])
def test_fields_that_are_never_null_are_never_null(field: str) -> None:
    assert None not in [value for name, value in FOUND if name == field]


@pytest.mark.parametrize("field", BARE)
def test_fields_of_a_minimal_call_are_null_as_documented(field: str) -> None:
    null_when = FIELDS[field][1]
    if null_when == "never":
        assert BARE[field] is not None
    elif "not sent" in null_when or null_when.startswith(("neither", "the order's first")):
        assert BARE[field] is None


def test_a_review_has_no_occurrence() -> None:
    assert CONFLICT["occurrence"] is None


def test_every_reason_for_a_review_is_documented() -> None:
    reasons = {name.strip("`") for name, _ in rows(PAGE, "### Reasons for a review")}
    found = {event["data"]["review"]["reason"] for event in EVENTS if "review" in event["data"]}
    assert found == reasons
    assert found == set(Reason) - set(WITHOUT_EVENTS)


def test_the_example_is_a_real_event() -> None:
    example = json.loads(code_block(PAGE, "json"))
    event = events_of({**FULL, "status": "01"}, FULL)[1]
    for changing in ("notice_id", "received_at"):
        event["data"][changing] = example["data"][changing]
    assert {**event, "timestamp": example["timestamp"]} == example
    assert [*event["data"]] == [*example["data"]]


def test_documented_flags_match_the_code() -> None:
    in_code = {flag.partition(":")[0] for event in EVENTS for flag in event["data"]["flags"]} | {
        flag
        for module in (wire, canonical, corrections, rules, verdicts, quarantine)
        for flag in _flags_in_source(Path(str(module.__file__)))
    }
    assert in_code == {flag.partition(":")[0] for flag in FLAGS}


def _flags_in_source(file: Path) -> set[str]:
    """Return every string that a module adds to flags or flaws, up to its colon."""
    tree = ast.parse(file.read_text())
    returns = [
        node
        for function in ast.walk(tree)
        if _gives_flags(function)
        for node in ast.walk(function)
        if isinstance(node, ast.Return)
    ]
    nodes = [*returns, *(node for node in ast.walk(tree) if _changes_flags(node))]
    strings = [
        part.value
        for node in nodes
        for part in ast.walk(node)
        if isinstance(part, ast.Constant) and isinstance(part.value, str)
    ]
    return {text.partition(":")[0] for text in strings} - {""}


def _gives_flags(node: ast.AST) -> bool:
    return isinstance(node, ast.FunctionDef) and node.name.rpartition("_")[2] in ("flags", "flaws")


def _changes_flags(node: ast.AST) -> bool:
    match node:
        case (
            ast.Expr(value=ast.Call(func=changed))
            | ast.AugAssign(target=changed)
            | ast.Assign(targets=[changed])
        ):
            return any(
                isinstance(part, ast.Name) and part.id in ("flags", "flaws")
                for part in ast.walk(changed)
            )
    return False
