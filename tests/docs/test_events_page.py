"""Events page against the events that judging and forwarding write."""

import ast
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.clock import now, uuid7
from app.events.payload import body
from app.judging import duplicates, quarantine, rules, verdicts
from app.judging.event_data import Cause, Source, customer_of, event_data
from app.judging.rules import judge
from app.judging.verdicts import JudgedCall
from app.order_life.order_state import KnownOrder
from app.zeus import canonical, wire
from app.zeus.statuses import Status
from app.zeus.wire import decode, encode
from tests.docs.pages import code_block, page, rows

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
FULL = {
    "clientip": "2012000001",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "sendid": "A-1001",
    "sendpoint": "ref-7",
    "order_no": "1234-56789-01234",
    "pay_cvs": "D001",
    "pay_no1": "1234567890123",
    "pay_limit": "20261231",
    "status": "04",
    "error_code": "",
}
LEAST = {"order_no": "1234-56789-01234", "status": "04"}


def events_of(*calls: Mapping[str, str]) -> list[dict[str, Any]]:
    """Return the bodies of all events of these calls of one order, with personal data."""
    order = KnownOrder(LEAST["order_no"])
    bodies = []
    for values in calls:
        call, notice_id = decode(encode(values)), uuid7()
        judgement = judge(JudgedCall(notice_id, call), order, (), ())
        order = judgement.order or order
        for event in judgement.events:
            cause = Cause(Source.CALL, notice_id, now(), call)
            data = event_data(event, order, cause)
            bodies.append(
                json.loads(body(event.type, now(), json.dumps(data), json.dumps(customer_of(call))))
            )
    return bodies


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


ACCEPTED = dict(leaves(events_of(FULL)[0]["data"]))
CONFLICT = dict(leaves(events_of(FULL, {**FULL, "money": "5401"})[1]["data"]))
BARE = dict(leaves(events_of(LEAST)[0]["data"]))


def test_every_field_is_documented_and_every_documented_field_exists() -> None:
    assert ACCEPTED.keys() | CONFLICT.keys() | {"subscriber"} == FIELDS.keys()


@pytest.mark.parametrize("field", sorted(ACCEPTED.keys() | CONFLICT.keys()))
def test_fields_have_the_documented_type(field: str) -> None:
    values = [found[field] for found in (ACCEPTED, CONFLICT) if found.get(field) is not None]
    assert all(isinstance(value, TYPES[FIELDS[field][0]]) for value in values)


@pytest.mark.parametrize("field", BARE)
def test_fields_of_a_minimal_call_are_null_as_documented(field: str) -> None:
    null_when = FIELDS[field][1]
    if null_when == "never":
        assert BARE[field] is not None
    elif "not sent" in null_when or null_when.startswith(("neither", "the order's first")):
        assert BARE[field] is None


def test_a_review_has_no_occurrence() -> None:
    assert CONFLICT["occurrence"] is None
    assert CONFLICT["review.reason"] == "conflict"


def test_every_reason_for_a_review_is_documented() -> None:
    reasons = {name.strip("`") for name, _ in rows(PAGE, "### Reasons for a review")}
    events = [
        event
        for first in Status
        for second in Status
        for event in events_of(_with(first), _with(second))
    ]
    found = {
        event["data"]["review"]["reason"] for event in events if event["type"] == "review.required"
    }
    assert found | {CONFLICT["review.reason"]} == reasons


def test_the_example_is_a_real_event() -> None:
    example = json.loads(code_block(PAGE, "json"))
    event = events_of({**FULL, "status": "01"}, FULL)[1]
    for changing in ("notice_id", "received_at"):
        event["data"][changing] = example["data"][changing]
    assert {**event, "timestamp": example["timestamp"]} == example
    assert [*event["data"]] == [*example["data"]]


def _with(status: Status) -> dict[str, str]:
    return {**FULL, "status": status}


def test_documented_flags_match_the_code() -> None:
    in_code = _flags_of_steps() | {
        flag
        for module in (wire, canonical, rules, verdicts, quarantine, duplicates)
        for flag in _flags_in_source(Path(str(module.__file__)))
    }
    assert in_code == {flag.partition(":")[0] for flag in FLAGS}


def _flags_of_steps() -> set[str]:
    events = [
        event
        for first in Status
        for second in Status
        for event in events_of(_with(first), _with(second))
    ]
    return {flag for event in events for flag in event["data"]["flags"]}


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
