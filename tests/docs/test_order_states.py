"""Order states page against the step table: its diagram and examples."""

import re
from typing import Any

import pytest

from app.zeus.statuses import Step
from tests.docs.pages import page, rows
from tests.docs.test_events_page import events_of
from tests.order_life.shop import FULL
from tools.docs.diagram import arrows, picture
from tools.docs.generate import PICTURES, ROOT

EXAMPLES = [
    ("docs/explanation/order-states.md", "## Examples"),
    ("docs/explanation/order-states.ja.md", "## 例"),
]


@pytest.mark.parametrize("name", PICTURES)
def test_the_diagram_matches_the_step_table(name: str) -> None:
    assert (ROOT / name).read_text() == picture(PICTURES[name]), (
        "run `.venv/bin/python -m tools.docs`"
    )


def test_the_diagram_has_an_arrow_for_each_normal_step() -> None:
    normal = [arrow for arrow in arrows() if arrow[2] is not Step.GAP]
    assert len(normal) == 13
    assert (
        picture(next(iter(PICTURES.values()))).count('<path d="M') == len(arrows()) + 1 + 4 + 4
    )  # and the timer's, four heads, four in the legend


@pytest.mark.parametrize(("name", "heading"), EXAMPLES)
def test_the_examples_match_judging(name: str, heading: str) -> None:
    for calls, events, end in rows(page(name), heading):
        bodies = events_of(*({**FULL, "status": status} for status in re.findall(r"\d\d", calls)))
        expected = [
            _words(part)
            for part in re.findall(r"`[a-z_]+\.[a-z_.]+`(?:\s?[（(][^）)]*[）)])?", events)
        ]
        assert expected == [_found(body) for body in bodies], calls
        assert bodies[-1]["data"]["order"]["state"] == re.findall(r"`([a-z_]+)`", end)[0]


def _words(part: str) -> tuple[str, list[str], int]:
    kind, *flags = re.findall(r"`([a-z_.]+)`", part)
    return kind, [flag for flag in flags if flag != "occurrence"], 2 if "occurrence" in flags else 1


def _found(body: dict[str, Any]) -> tuple[object, object, object]:
    data = body["data"]
    flags = data["flags"] if body["type"] != "review.required" else []
    assert isinstance(flags, list)
    return (
        body["type"],
        [flag for flag in flags if flag != "repeat_unclear"],
        data["occurrence"] or 1,
    )
