"""Spellings of one value: verdict, event and order follow the canonical value."""

from typing import Any
from uuid import uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import text

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.judging.judge import Judge
from app.judging.rules import judge
from app.judging.verdicts import JudgedCall, Verdict
from app.order_life.order_state import KnownOrder
from app.zeus.wire import Style, decode, encode

FIRST = {
    "order_no": "X-1",
    "status": "04",
    "money": "5400",
    "clientip": "2012000001",
    "pay_no1": "0012",
    "pay_no2": "12AB",
    "pay_limit": "20261231",
}
OURS = ["2012000001"]


def call_of(style: Style = Style.FULL, /, **changes: str) -> JudgedCall:
    values = {name: value.encode() for name, value in {**FIRST, **changes}.items()}
    return JudgedCall(uuid4(), decode(encode(values, style=style)))


@pytest.mark.parametrize(
    ("name", "spelled"),
    [
        ("order_no", "X-1 "),
        ("order_no", "\ufeffX-1\r\n"),
        ("status", "04\t"),
        ("status", "０４"),
        ("money", "005400"),
        ("money", "５４００"),
        ("money", "\u3000" + "5400\u200b"),
        ("clientip", " 2012000001"),
        ("clientip", "２０１２０００００１"),
        ("pay_no1", "００１２"),
        ("pay_no2", "12AB "),
        ("pay_no2", "１２ＡＢ"),
        ("pay_limit", "２０２６１２３１"),
        ("pay_limit", "20261231\u00a0"),
    ],
)
def test_another_spelling_of_the_same_call_is_a_duplicate(name: str, spelled: str) -> None:
    for first, second in (({}, {name: spelled}), ({name: spelled}, {})):
        order = judge(call_of(**first), KnownOrder("X-1"), OURS, ()).order
        assert order is not None
        judgement = judge(call_of(**second), order, OURS, ())
        assert (judgement.verdict, judgement.reasons) == (Verdict.DUPLICATE, ())


@pytest.mark.parametrize(
    ("name", "other"),
    [("money", "54000"), ("money", "5,400"), ("pay_no1", "12"), ("pay_limit", "20261230")],
)
def test_another_meaning_stays_a_conflict(name: str, other: str) -> None:
    order = judge(call_of(), KnownOrder("X-1"), OURS, ()).order
    assert order is not None
    assert judge(call_of(**{name: other}), order, OURS, ()).reasons == (f"differs:{name}",)


@pytest.mark.parametrize(
    ("changes", "reasons"),
    [
        ({"order_no": "X\u200b1"}, ("invisible:order_no",)),
        ({"order_no": "X 1"}, ("invisible:order_no",)),
        ({"order_no": "\u3000\r\n"}, ("missing_order_no",)),
        ({"status": "4"}, ("unknown_status",)),
        ({"status": "４"}, ("unknown_status",)),
        ({"status": "0 4"}, ("unknown_status",)),
        ({"status": "\u3000"}, ("missing_status",)),
        ({"clientip": "2012000002 "}, ("unknown_ip_code",)),
    ],
)
def test_an_unclear_spelling_is_quarantined(
    changes: dict[str, str], reasons: tuple[str, ...]
) -> None:
    judgement = judge(call_of(**changes), KnownOrder("X-1"), OURS, ())
    assert (judgement.verdict, judgement.reasons) == (Verdict.QUARANTINED, reasons)


def test_a_number_with_an_invisible_character_inside_is_released_as_it_is() -> None:
    call = call_of(order_no="X\u200b1")
    judgement = judge(
        JudgedCall(call.notice_id, call.call, released=True), KnownOrder("X\u200b1"), OURS, ()
    )
    assert judgement.verdict is Verdict.ACCEPTED
    assert {"released", "unusual:order_no"} <= set(judgement.events[0].flags)


INVISIBLE = st.text(st.characters(categories=["Cc", "Cf", "Zs", "Zl", "Zp"]), max_size=3)


@given(st.sampled_from(sorted(FIRST)), INVISIBLE, INVISIBLE, st.sampled_from(Style))
def test_invisible_outer_characters_never_change_order_or_verdict(
    name: str, before: str, behind: str, style: Style
) -> None:
    spelled = call_of(style, **{name: before + FIRST[name] + behind})
    assert spelled.call.order_no == "X-1"
    plain, odd = (judge(one, KnownOrder("X-1"), OURS, ()) for one in (call_of(), spelled))
    assert (plain.verdict, plain.reasons) == (odd.verdict, odd.reasons)
    assert plain.order is not None
    assert judge(spelled, plain.order, OURS, ()).verdict is Verdict.DUPLICATE


async def append(sessions: Sessions, query: bytes, lane: int) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text("""INSERT INTO notices (id, lane, received_at, source, method, target, headers,
                       body)
                    VALUES (:id, :lane, :at, '127.0.0.1', 'GET', :target, '', '')"""),
            {"id": uuid7(), "lane": lane, "at": now(), "target": b"/zeus/notify?" + query},
        )


async def judge_all(sessions: Sessions) -> None:
    judge_ = Judge(sessions, [], on_events=lambda: None)
    while await judge_.judge_batch():
        pass


async def fetch(sessions: Sessions, query: str) -> list[dict[str, Any]]:
    async with sessions() as session:
        return [dict(row) for row in (await session.execute(text(query))).mappings()]


async def test_spellings_of_one_number_make_one_order_and_every_notice_keeps_its_bytes(
    sessions: Sessions,
) -> None:
    queries = [
        b"order_no=X-1&status=01&money=5400",
        b"order_no=X-1%20&status=04&money=005400",
        b"order_no=%E3%80%80X-1&status=%EF%BC%90%EF%BC%94",
    ]
    for query in queries:
        await append(sessions, query, lane_of("X-1"))
    await judge_all(sessions)
    [order] = await fetch(sessions, "SELECT * FROM orders")
    assert (order["order_no"], order["state"], order["money"]) == ("X-1", "paid", 5400)
    notices = await fetch(sessions, "SELECT * FROM notices ORDER BY id")
    assert [b"/zeus/notify?" + query for query in queries] == [
        bytes(notice["target"]) for notice in notices
    ]
    assert ["accepted", "accepted", "duplicate"] == [notice["verdict"] for notice in notices]
    assert {("X-1", "01"), ("X-1", "04")} == {
        (notice["order_no"], notice["status"]) for notice in notices
    }
    assert ["X-1", "X-1 ", "\u3000X-1"] == [notice["parameters"]["order_no"] for notice in notices]
    assert notices[1]["parameters"]["money"] == "005400"
    assert ["trimmed:order_no", "full_width:status"] == [
        flag for flag in ("trimmed:order_no", "full_width:status") if flag in notices[2]["flags"]
    ]
    events = await fetch(sessions, "SELECT * FROM events ORDER BY sequence")
    assert ["order.accepted", "payment.received"] == [event["type"] for event in events]
    assert "trimmed:order_no" in events[1]["data"]["flags"]
    assert (events[1]["data"]["order_no"], events[1]["data"]["money"]) == ("X-1", 5400)


async def test_a_notice_in_the_lane_of_an_older_receiver_is_judged_by_one_worker_at_a_time(
    sessions: Sessions,
) -> None:
    right, old = lane_of("X-1"), (lane_of("X-1") + 1) % 16
    await append(sessions, b"order_no=X-1%20&status=04", old)
    worker = Judge(sessions, [], on_events=lambda: None)
    async with sessions.begin() as other:
        await other.execute(
            text("SELECT pg_advisory_xact_lock(7236, CAST(:lane AS int))"), {"lane": right}
        )
        assert await worker.judge_batch() == 0
        assert [None] == [
            row["verdict"] for row in await fetch(sessions, "SELECT verdict FROM notices")
        ]
    assert await worker.judge_batch() == 1
    assert ["X-1"] == [
        row["order_no"] for row in await fetch(sessions, "SELECT order_no FROM orders")
    ]


async def test_an_order_stored_under_its_spelling_gets_no_event_twice(
    sessions: Sessions,
) -> None:
    await append(sessions, b"order_no=X-1&status=04&money=5400", 0)
    await judge_all(sessions)
    async with sessions.begin() as session:  # the earlier version's row of a number with a blank
        for table in ("orders", "events", "notices"):
            await session.execute(text(f"UPDATE {table} SET order_no = 'X-1 '"))
        await session.execute(
            text(
                """UPDATE notices
                   SET parameters = '{"order_no": "X-1 ", "status": "04", "money": "5400"}'"""
            )
        )
    await append(sessions, b"order_no=X-1%20&status=04&money=5400", 0)
    await append(sessions, b"order_no=X-1%20&status=05&money=5400", 0)
    await judge_all(sessions)
    assert ["accepted", "duplicate", "accepted"] == [
        row["verdict"] for row in await fetch(sessions, "SELECT verdict FROM notices ORDER BY id")
    ]
    assert [("X-1 ", "confirmed")] == [
        (row["order_no"], row["state"]) for row in await fetch(sessions, "SELECT * FROM orders")
    ]
