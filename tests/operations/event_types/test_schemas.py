"""Schemas of events against the events that are made."""

import copy
from collections.abc import Iterator
from typing import Any

import jsonschema_rs
import pytest

from app.events.types import OPERATIONAL, EventType
from app.judging.rules import EVENT_OF
from app.operations.event_types.schemas import DESCRIPTIONS, WITHOUT_EVENTS, schema_of
from app.order_life.reviews import Reason
from tests.event_schemas import faults_of
from tests.order_life.every_event import every_event

EVENTS = every_event()
OF_ORDERS = set(EventType) - OPERATIONAL - {EventType.WEBHOOK_TEST}
ONE_OF_EACH = {event["type"]: event for event in EVENTS}
REVIEWS = {
    event["data"]["review"]["reason"]: event
    for event in EVENTS
    if event["type"] == "review.required"
}


@pytest.mark.parametrize("event_type", EventType)
def test_every_schema_is_valid(event_type: EventType) -> None:
    jsonschema_rs.Draft202012Validator(schema_of(event_type))
    assert jsonschema_rs.meta.is_valid(schema_of(event_type))


def test_every_type_has_a_description() -> None:
    assert list(EventType) == list(DESCRIPTIONS)


def test_every_type_about_orders_is_made_here() -> None:
    assert OF_ORDERS == ONE_OF_EACH.keys()


def test_events_match_their_schemas() -> None:
    assert [] == [fault for event in EVENTS for fault in faults_of(event)]


def test_events_without_personal_data_match_too() -> None:
    without = [
        _without(event, ("data", "customer")) for event in EVENTS if "customer" in event["data"]
    ]
    assert [] == [fault for event in without for fault in faults_of(event)]


@pytest.mark.parametrize("event_type", sorted(OF_ORDERS))
def test_a_missing_field_is_a_fault(event_type: str) -> None:
    event = ONE_OF_EACH[event_type]
    accepted = [
        path for path in _paths(event["data"], ("data",)) if not faults_of(_without(event, path))
    ]
    assert {path[:2] for path in accepted} <= {("data", "customer")}


@pytest.mark.parametrize("event_type", sorted(OF_ORDERS))
def test_a_value_of_another_type_is_a_fault(event_type: str) -> None:
    event = ONE_OF_EACH[event_type]
    assert [] == [
        path for path in _paths(event["data"], ("data",)) if not faults_of(_with(event, path, 1.5))
    ]


@pytest.mark.parametrize("reason", REVIEWS)
def test_a_review_without_its_details_is_a_fault(reason: str) -> None:
    details = REVIEWS[reason]["data"]["review"].keys() - {"id", "reason"}
    without = {name: _without(REVIEWS[reason], ("data", "review", name)) for name in details}
    assert [] == [name for name, event in without.items() if not faults_of(event)]


def test_reviews_of_all_reasons_are_made_here() -> None:
    assert set(Reason) - set(WITHOUT_EVENTS) == REVIEWS.keys()


@pytest.mark.parametrize("status", EVENT_OF)
def test_the_event_of_a_status_has_no_other_status(status: str) -> None:
    event = ONE_OF_EACH[next(name for one, name in EVENT_OF.items() if one == status)]
    others = [
        _with(event, ("data", "zeus", "status"), other) for other in EVENT_OF if other != status
    ]
    assert all(faults_of(other) for other in others)


def test_a_later_version_may_send_more_fields() -> None:
    event = copy.deepcopy(ONE_OF_EACH["order.released"])
    event["data"]["color"] = "blue"
    event["data"]["order"]["color"] = "blue"
    schema = schema_of(EventType.ORDER_RELEASED)
    assert jsonschema_rs.Draft202012Validator(schema).is_valid(event)


Path = tuple[str | int, ...]


def _paths(value: Any, above: Path) -> Iterator[Path]:
    """Yield the paths of all keys, but not of the parameters' names in a review."""
    if isinstance(value, list) and value and isinstance(value[0], dict):
        yield from _paths(value[0], (*above, 0))
    if isinstance(value, dict):
        for key, inner in value.items():
            if above[-1:] != ("values",):
                yield (*above, key)
            yield from _paths(inner, (*above, key))


def _without(event: dict[str, Any], path: Path) -> dict[str, Any]:
    changed = copy.deepcopy(event)
    del _at(changed, path[:-1])[path[-1]]
    return changed


def _with(event: dict[str, Any], path: Path, value: object) -> dict[str, Any]:
    changed = copy.deepcopy(event)
    _at(changed, path[:-1])[path[-1]] = value
    return changed


def _at(value: Any, path: Path) -> Any:
    for key in path:
        value = value[key]
    return value
