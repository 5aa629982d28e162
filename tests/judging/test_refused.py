"""Notices that the database refuses: search for them, what is kept, and the waiting of others."""

from typing import Any

import pytest
from sqlalchemy import TextClause, text

from app.clock import now, uuid7
from app.db.driver.direct import Direct
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.judging.judge import BATCH, CAREFUL_BATCH
from tests.judging.judging_setup import fetch, judge_of, numbers_in_lane

POISON = """
CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN IF new.sendid = 'poison' THEN RAISE EXCEPTION
  USING errcode = '22P05'; END IF; RETURN new; END $$
"""
TRIGGER = (
    "CREATE TRIGGER refuse BEFORE INSERT OR UPDATE ON orders FOR EACH ROW EXECUTE FUNCTION refuse()"
)


async def append(
    sessions: Sessions, *calls: tuple[str, str], status: str = "01", lane: int | None = None
) -> None:
    """Insert notices of orders (number, sendid), in a receiver's lanes unless one is given."""
    rows = [
        {
            "id": uuid7(),
            "lane": lane_of(number) if lane is None else lane,
            "at": now(),
            "target": (
                f"/zeus/notify?order_no={number}&status={status}&money=1&sendid={sendid}".encode()
            ),
        }
        for number, sendid in calls
    ]
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body)
                    VALUES (:id, :lane, :at, '127.0.0.1', 'GET', :target, '', '')"""),
            rows,
        )


@pytest.fixture
async def poisoned(sessions: Sessions) -> Sessions:
    """A database that refuses every order whose sendid is `poison`."""
    async with sessions.begin() as session:
        await session.execute(text(POISON))
        await session.execute(text(TRIGGER))
    return sessions


async def test_a_refused_notice_leaves_the_others_judged_in_one_batch(
    poisoned: Sessions,
) -> None:
    numbers = numbers_in_lane(3, 100)
    await append(
        poisoned, *((number, "poison" if number == numbers[40] else "good") for number in numbers)
    )
    assert await judge_of(poisoned).judge_batch() == 100
    assert [("accepted", 99), ("quarantined", 1)] == await fetch(
        poisoned, "SELECT verdict, count(*) FROM notices GROUP BY verdict ORDER BY verdict"
    )
    [refused] = await fetch(
        poisoned,
        "SELECT order_no, status, reasons, parameters FROM notices WHERE verdict = 'quarantined'",
    )
    assert refused[:3] == (numbers[40], "01", ["unwritable:22P05"])
    assert refused[3]["sendid"] == "poison"


async def test_finding_a_refused_notice_takes_few_probes(
    poisoned: Sessions, monkeypatch: pytest.MonkeyPatch
) -> None:
    numbers = numbers_in_lane(3, BATCH)
    await append(
        poisoned, *((number, "poison" if number == numbers[-1] else "good") for number in numbers)
    )
    statements: list[str] = []

    async def execute(direct: Direct, statement: TextClause, *args: Any) -> Any:
        statements.append(str(statement))
        return await real(direct, statement, *args)

    real = Direct.execute
    monkeypatch.setattr(Direct, "execute", execute)
    assert await judge_of(poisoned).judge_batch() == BATCH
    assert (
        statements.count("ROLLBACK TO SAVEPOINT probe") == 1 + 8 + 8 + 2
    )  # all 128, each 16 of them, each 2, each 1


async def test_a_batch_without_the_suspect_lanes_has_not_finished(poisoned: Sessions) -> None:
    [suspect], [other] = numbers_in_lane(3, 1), numbers_in_lane(4, 1)
    judge = judge_of(poisoned)
    await append(poisoned, (suspect, "poison"))
    assert 1 == await judge.judge_batch()
    await append(poisoned, (other, "good"))
    assert 1 == await judge.judge_batch()
    assert not judge.has_finished
    await append(poisoned, (suspect, "good"))
    assert 1 == await judge.judge_batch()  # the lane is above suspicion again
    await append(poisoned, (other, "good"))
    assert 1 == await judge.judge_batch()
    assert judge.has_finished


async def test_a_whole_batch_of_refused_notices_is_found_in_one_transaction(
    poisoned: Sessions,
) -> None:
    await append(poisoned, *((number, "poison") for number in numbers_in_lane(3, BATCH)))
    assert await judge_of(poisoned).judge_batch() == BATCH
    assert [("quarantined", BATCH)] == await fetch(
        poisoned, "SELECT verdict, count(*) FROM notices GROUP BY verdict"
    )
    assert [0] == await fetch(poisoned, "SELECT count(*) FROM orders")


async def test_lanes_with_refused_notices_alternate_with_the_others(
    poisoned: Sessions,
) -> None:
    bad, good = numbers_in_lane(3, 2 * BATCH), numbers_in_lane(5, 3 * BATCH)
    await append(poisoned, *((number, "poison") for number in bad))
    judge = judge_of(poisoned)
    assert await judge.judge_batch() == BATCH
    await append(poisoned, *((number, "good") for number in good))
    judged = [await judge.judge_batch() for _ in range(4)]
    assert judged == [CAREFUL_BATCH, BATCH, CAREFUL_BATCH, BATCH]
    while await judge.judge_batch():
        pass
    assert [("accepted", len(good)), ("quarantined", len(bad))] == await fetch(
        poisoned, "SELECT verdict, count(*) FROM notices GROUP BY verdict ORDER BY verdict"
    )


async def test_a_recovered_lane_is_judged_with_all_others(poisoned: Sessions) -> None:
    await append(poisoned, ("N-1", "poison"))
    judge = judge_of(poisoned)
    assert await judge.judge_batch() == 1
    await append(
        poisoned, *((number, "good") for number in numbers_in_lane(lane_of("N-1"), CAREFUL_BATCH))
    )
    assert await judge.judge_batch() == CAREFUL_BATCH
    everywhere = [
        (number, "good")
        for lane in range(4)
        for number in numbers_in_lane(lane, 2 * CAREFUL_BATCH)[CAREFUL_BATCH:]
    ]
    await append(poisoned, *everywhere)
    assert await judge.judge_batch() == 4 * CAREFUL_BATCH


async def test_the_calls_of_a_refused_order_are_judged_one_by_one(poisoned: Sessions) -> None:
    await append(poisoned, ("N-1", "good"))
    await append(poisoned, ("N-1", "good"), status="04")
    await append(poisoned, ("N-1", "poison"), status="05")
    assert await judge_of(poisoned).judge_batch() == 3
    assert ["accepted", "accepted", "quarantined"] == await fetch(
        poisoned, "SELECT verdict FROM notices ORDER BY id"
    )
    assert [("01", 1), ("04", 2)] == await fetch(
        poisoned, "SELECT status, sequence FROM events ORDER BY sequence"
    )


async def test_the_feed_skips_nothing_after_probes(poisoned: Sessions) -> None:
    await append(poisoned, ("N-1", "good"), ("N-2", "poison"), ("N-3", "good"))
    await judge_of(poisoned).judge_batch()
    positions = await fetch(poisoned, "SELECT position FROM events ORDER BY id")
    assert len(positions) == 2
    assert positions == sorted(positions)
    assert None not in positions


async def test_a_verdict_that_is_refused_too_is_kept_without_the_values(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text("ALTER TABLE notices ADD CONSTRAINT no_2 CHECK (order_no <> 'N-2')")
        )
    await append(sessions, ("N-1", "good"), ("N-2", "good"))
    assert await judge_of(sessions).judge_batch() == 2
    assert [("accepted", "N-1", []), ("quarantined", None, ["unwritable:23514"])] == await fetch(
        sessions, "SELECT verdict, order_no, reasons FROM notices ORDER BY id"
    )


async def test_a_value_of_any_length_is_judged(sessions: Sessions) -> None:
    long = "".join(f"{number:x}." for number in range(3_000))[:9_000]
    await append(sessions, ("N-1", long))
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body)
                    VALUES (:id, 0, :at, '127.0.0.1', 'GET', :target, '', '')"""),
            {
                "id": uuid7(),
                "at": now(),
                "target": (
                    "/?order_no=N-2&status=04" + "".join(f"&{name}={long}" for name in NAMES)
                ).encode(),
            },
        )
    judge = judge_of(sessions)
    while await judge.judge_batch():
        pass
    assert ["accepted", "accepted"] == await fetch(
        sessions, "SELECT verdict FROM notices ORDER BY id"
    )
    assert [long, long] == await fetch(sessions, "SELECT sendid FROM orders ORDER BY order_no")


NAMES = (
    *("clientip", "money", "username", "telno", "email", "sendid", "sendpoint"),
    *("pay_cvs", "pay_no1", "pay_no2", "pay_limit", "error_code"),
)
