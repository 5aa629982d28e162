"""The onboarding check: what has arrived of what Zeus can send, and what to ask for."""

import pytest

from app.operations.doctor.onboarding import Onboarding, read_onboarding
from app.zeus.parameters import PARAMETERS
from app.zeus.statuses import Status
from app.zeus.wire import encode
from tests.operations.operations_setup import EMAIL, NAME, TELNO, USUAL, OperationsSetup


def _missing_statuses(found: Onboarding) -> list[str]:
    return [seen.status for seen in found.statuses if not seen.calls]


def _missing_parameters(found: Onboarding) -> list[str]:
    return [seen.name for seen in found.parameters if seen.todo]


async def test_before_the_first_call_the_next_step_is_told(world: OperationsSetup) -> None:
    found = await read_onboarding(world.sessions)
    assert (0, None, [status.value for status in Status], []) == (
        found.calls,
        found.last_at,
        _missing_statuses(found),
        _missing_parameters(found),
    )
    assert ["No call has arrived"] == [line.partition(":")[0] for line in found.todo]


async def test_what_has_arrived_is_ticked_off(world: OperationsSetup) -> None:
    await world.judged("01", "04")
    found = await read_onboarding(world.sessions)
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


async def test_nothing_is_left_to_do_when_all_has_come_that_can(world: OperationsSetup) -> None:
    await world.judged("01", "04", "05")
    await world.judged("01", "04", "06", order_no="1234-56789-01235")
    found = await read_onboarding(world.sessions)
    assert ([], ["02", "03", "11", "12", "13"]) == (found.todo, _missing_statuses(found))
    todo = {seen.status: seen.todo or "" for seen in found.statuses}
    assert ("ordered" in todo["03"], "simulate" in todo["11"], "") == (True, True, todo["01"])


async def test_parameters_that_are_not_sent_are_asked_for_the_needed_ones_first(
    world: OperationsSetup,
) -> None:
    query = {
        name: value
        for name, value in USUAL.items()
        if name not in ("order_no", "pay_limit", "pay_no2")
    }
    await world.raw_call(encode(query))
    await world.judge()
    found = await read_onboarding(world.sessions)
    assert ["order_no", "pay_no2", "pay_limit"] == _missing_parameters(found)
    assert ["order_no", "pay_no2", "pay_limit"] == [
        line.split(" send ")[1].split(" ")[0] for line in found.todo if " send " in line
    ][:3]
    assert "no call can be judged" in found.todo[0]


@pytest.mark.parametrize(("days", "calls"), [(1, 0), (3, 1)])
async def test_earlier_calls_are_left_out(world: OperationsSetup, days: int, calls: int) -> None:
    await world.judged("01")
    await world.run(
        "UPDATE notices SET id = CAST(lpad(to_hex((extract(epoch FROM now() - interval '2 days') * 1000)::bigint), 12, '0') "
        "|| '7000' || repeat('0', 16) AS uuid)".replace("::", r"\:\:")
    )
    assert calls == (await read_onboarding(world.sessions, days)).calls


async def test_values_are_shown_to_nobody(world: OperationsSetup) -> None:
    await world.judged("01")
    shown = (await read_onboarding(world.sessions)).model_dump_json()
    assert [] == [word for word in (NAME, TELNO, EMAIL, USUAL["sendid"]) if word in shown]
