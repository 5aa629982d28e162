"""Old transactions and replication slots are found, measured and reported."""

import asyncio

import pytest

from app import metrics
from app.db.checks.old_transactions import Horizon, OldestTransactions, Slot
from app.db.connections import connect
from app.operations.doctor.findings import Level
from app.operations.doctor.transactions import check_horizons, check_slots, check_transactions
from app.operations.monitoring import snapshot_gauges
from app.operations.monitoring.alert_conditions import conditions_of_database
from app.operations.monitoring.collector import Watch
from tests.operations.operations_setup import OperationsSetup


async def _oldest(setup: OperationsSetup, oldest: OldestTransactions) -> dict[str, float]:
    async with setup.sessions() as session:
        return dict(await oldest.read(session))


async def test_an_idle_database_keeps_nothing(setup: OperationsSetup) -> None:
    assert {"session": 0, "prepared": 0, "replica": 0} == await _oldest(setup, OldestTransactions())
    assert {Level.OK} == {finding.level for finding in await check_transactions(setup.sessions)}


@pytest.mark.parametrize("isolation", ["repeatable_read", "read_committed"])
async def test_a_session_with_a_snapshot_or_an_id_is_seen(
    setup: OperationsSetup, database_url: str, isolation: str
) -> None:
    connection = await connect(database_url)
    async with connection.transaction(isolation=isolation):  # type: ignore[arg-type]
        await connection.fetchval(
            "SELECT count(*) FROM notices"
            if isolation == "repeatable_read"
            else "SELECT pg_current_xact_id()::text"
        )
        await asyncio.sleep(0.2)
        assert 0.1 < (await _oldest(setup, OldestTransactions()))["session"] < 60
        snapshot_gauges.expose()
        await Watch(setup.sessions).measure()
        assert b'zeus_relay_oldest_transaction_seconds{holder="session"}' in metrics.exposition()
    await connection.close()
    assert 0 == (await _oldest(setup, OldestTransactions()))["session"]


async def test_a_slot_is_measured_with_what_it_keeps(
    setup: OperationsSetup, database_url: str
) -> None:
    connection = await connect(database_url)
    await connection.execute("SELECT pg_create_physical_replication_slot('left_behind', true)")
    try:
        await connection.execute(
            "SELECT pg_logical_emit_message(true, 'test', repeat('x', 100000))"
        )
        measured = await Watch(setup.sessions).measure()
        [slot] = [slot for slot in measured.slots if slot.name == "left_behind"]
        assert not slot.active
        assert 100_000 < slot.wal_bytes < 10**10
        found = [
            finding
            for finding in await check_transactions(setup.sessions)
            if finding.subject == "replication slot"
        ]
        assert any(
            finding.level is Level.WARNING and "left_behind has no reader" in finding.message
            for finding in found
        )
    finally:
        await connection.execute("SELECT pg_drop_replication_slot('left_behind')")
        await connection.close()


def test_a_horizon_without_a_time_ages_while_it_does_not_move() -> None:
    oldest = OldestTransactions()
    unmoved, moved = (
        Horizon("replica", "standby", None, 9, "700"),
        Horizon("replica", "standby", None, 2, "707"),
    )
    ages = [
        oldest.measure([one], moment)["replica"]
        for one, moment in ((unmoved, 10), (unmoved, 2_000), (moved, 2_010), (moved, 2_020))
    ]
    assert [0, 1_990, 0, 10] == ages
    assert 0 == oldest.measure([], 3_000)["replica"]


@pytest.mark.parametrize(
    ("horizon", "level"),
    [
        (Horizon("session", "pid 7", 1_799, 5, "700"), Level.OK),
        (Horizon("session", "pid 7", 1_801, 5, "700"), Level.WARNING),
        (Horizon("prepared", "left", 90_000, 5, "700"), Level.WARNING),
        (Horizon("replica", "standby", None, 999_999, "700"), Level.OK),
        (Horizon("replica", "standby", None, 1_000_001, "700"), Level.WARNING),
    ],
)
def test_what_is_old_is_a_warning_with_a_remedy(horizon: Horizon, level: Level) -> None:
    [finding] = check_horizons([horizon])
    assert (level, level is Level.WARNING) == (finding.level, finding.remedy is not None)


def test_what_is_told_in_the_chat() -> None:
    well, far = Slot("well", active=True, wal_bytes=1e6), Slot("far", active=True, wal_bytes=2e10)
    assert [] == conditions_of_database({"session": 60.0, "replica": 0.0}, [well])
    conditions = conditions_of_database({"session": 60.0, "replica": 7_200.0}, [well, far])
    assert ["old_transaction", "slot:far"] == [condition.key for condition in conditions]
    assert "(replica)" in conditions[0].text
    assert Level.WARNING is check_slots([far])[0].level
