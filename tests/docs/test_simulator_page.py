"""Simulator page against code, in both languages.

A short module, because each page has its own.
"""

import re

import pytest

from app.simulator.server.magic import MAGIC
from app.simulator.server.setting_texts import SETTINGS
from app.simulator.state.settings import SimulatorSettings
from tests.docs.pages import page
from tools.docs.japanese_simulator import MAGIC_VALUES, OPERATIONS
from tools.docs.simulator_tables import operations_of_simulator, settings_of, variables_of_simulator

PAGES = ("docs/reference/simulator.md", "docs/reference/simulator.ja.md")


def test_every_variable_is_listed_beside_those_of_the_relay() -> None:
    variables = {variable for variable, _, _ in variables_of_simulator()}

    assert {"SIMULATOR_PORT", "SIMULATOR_CALL_URL", "SIMULATOR_SMTP", "SIMULATOR_SET"} <= variables
    for name in ("docs/reference/settings.md", "docs/reference/settings.ja.md"):
        assert variables <= set(re.findall(r"`(SIMULATOR_\w+)`", page(name)))


def test_every_table_text_has_a_japanese_text() -> None:
    assert {magic.about for magic in MAGIC} == set(MAGIC_VALUES)
    assert {about for _, _, about in settings_of(SimulatorSettings)} == set(SETTINGS)
    assert {about for _, _, about in operations_of_simulator()} == set(OPERATIONS)


def test_magic_values_are_unique() -> None:
    assert len({magic.word for magic in MAGIC}) == len(MAGIC)
    assert len({magic.digits for magic in MAGIC}) == len(MAGIC)


@pytest.mark.parametrize("name", PAGES)
def test_switches_of_open_questions_exist(name: str) -> None:
    rows = page(name).rpartition("\n## ")[2].splitlines()
    cells = [line.split("|")[3] for line in rows if line.count("|") == 4][2:]
    named = {word for cell in cells for word in cell.split("`")[1::2]}
    assert len(cells) == 13
    assert all("`" in cell for cell in cells), "each open question is a switch"
    assert named <= {setting for setting, _, _ in settings_of(SimulatorSettings)}
    assert {"named_faults", "unknown_clientip", "invalid_testid", "retries"} <= named
