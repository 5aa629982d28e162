"""Files of the events' schemas against the code, and the tables of fields against the schemas."""

import pytest

from app.events.types import EventType
from app.operations.event_types.fields import DEAD_FIELDS, SUBSCRIBER_FIELDS
from tests.docs.pages import page, rows
from tools.docs.event_tables import FOLDER, schema_files
from tools.docs.generate import ROOT

FILES = schema_files()


@pytest.mark.parametrize("name", FILES)
def test_files_match_the_code(name: str) -> None:
    assert (ROOT / name).read_text() == FILES[name], "run `.venv/bin/python -m tools.docs`"


def test_every_type_has_a_file_and_every_file_a_type() -> None:
    assert {f"{one}.json" for one in EventType} == {file.name for file in (ROOT / FOLDER).iterdir()}


def test_fields_of_signals_are_documented() -> None:
    kinds = {name: one.kind for name, one in {**SUBSCRIBER_FIELDS, **DEAD_FIELDS}.items()}
    table = rows(page("docs/reference/events.md"), "paused subscriber makes no signal.")
    assert kinds == {name.strip("`"): kind for name, kind, _ in table}
