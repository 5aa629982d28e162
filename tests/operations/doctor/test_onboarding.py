"""Operational test with Zeus: statuses and parameters that have arrived, and the next steps."""

import pytest

from app.operations.doctor.onboarding import Onboarding, read_onboarding
from app.zeus.parameters import PARAMETERS
from app.zeus.statuses import Status
from app.zeus.wire import encode
from tests.operations.operations_setup import CALL_VALUES, EMAIL, NAME, TELNO, OperationsSetup


def _missing_statuses(found: Onboarding) -> list[str]:
    return [seen.status for seen in found.statuses if not seen.calls]


def _missing_parameters(found: Onboarding) -> list[str]:
    return [seen.name for seen in found.parameters if seen.todo]


async def test_the_next_step_before_the_first_call(setup: OperationsSetup) -> None:
    found = await read_onboarding(setup.sessions)
    assert (0, None, [status.value for status in Status], []) == (
        found.calls,
        found.last_at,
        _missing_statuses(found),
        _missing_parameters(found),
    )
    assert ["No call has arrived"] == [line.partition(":")[0] for line in found.todo]


async def test_arrived_statuses_need_no_step(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    found = await read_onboarding(setup.sessions)
    assert (2, ["02", "03", "05", "06", "11", "12", "13"], []) == (
        found.calls,
        _missing_statuses(found),
        _missing_parameters(found),
    )
    assert [parameter.name for parameter in PARAMETERS] == [seen.name for seen in found.parameters]
    filled = {seen.name: (seen.calls, seen.filled) for seen in found.parameters}
    assert ((2, 2), (2, 0), (2, 0)) == (filled["money"], filled["pay_no2"], filled["error_code"])
    assert ["05", "06"] == [line.partition(" ")[0] for line in found.todo]
    assert found.last_at is not None


async def test_no_step_is_left_when_everything_possible_has_arrived(setup: OperationsSetup) -> None:
    await setup.judged("01", "04", "05")
    await setup.judged("01", "04", "06", order_no="1234-56789-01235")
    found = await read_onboarding(setup.sessions)
    assert ([], ["02", "03", "11", "12", "13"]) == (found.todo, _missing_statuses(found))
    todo = {seen.status: seen.todo or "" for seen in found.statuses}
    assert ("ordered" in todo["03"], "simulate" in todo["11"], "") == (True, True, todo["01"])


async def test_missing_parameters_are_requested_the_needed_ones_first(
    setup: OperationsSetup,
) -> None:
    query = {
        name: value
        for name, value in CALL_VALUES.items()
        if name not in ("order_no", "pay_limit", "pay_no2")
    }
    await setup.raw_call(encode(query))
    await setup.judge()
    found = await read_onboarding(setup.sessions)
    assert ["order_no", "pay_no2", "pay_limit"] == _missing_parameters(found)
    assert ["order_no", "pay_no2", "pay_limit"] == [
        line.split(" send ")[1].split(" ")[0] for line in found.todo if " send " in line
    ][:3]
    assert "no call can be judged" in found.todo[0]


@pytest.mark.parametrize(("days", "calls"), [(1, 0), (3, 1)])
async def test_earlier_calls_are_excluded(setup: OperationsSetup, days: int, calls: int) -> None:
    await setup.judged("01")
    await setup.run(
        "UPDATE notices SET id = CAST("
        "lpad(to_hex((extract(epoch FROM now() - interval '2 days') * 1000)::bigint), 12, '0') "
        "|| '7000' || repeat('0', 16) AS uuid)".replace("::", r"\:\:")
    )
    assert calls == (await read_onboarding(setup.sessions, days)).calls


async def test_no_values_are_shown(setup: OperationsSetup) -> None:
    await setup.judged("01")
    shown = (await read_onboarding(setup.sessions)).model_dump_json()
    assert [] == [word for word in (NAME, TELNO, EMAIL, CALL_VALUES["sendid"]) if word in shown]
