"""Reviews: items that need review, their dismissal, rejected samples, and the overview."""

import asyncio
from datetime import UTC, datetime, timedelta
from pathlib import Path
from uuid import UUID, uuid4

import pytest

from app.clock import uuid7
from app.operations.attention.attention import AttentionCounts, read_attention
from app.operations.attention.dismissal import (
    Dismissal,
    dismiss_notice,
    dismiss_sample,
    dismiss_webhook,
)
from app.operations.deliveries.models import WebhookState
from app.operations.deliveries.webhooks import list_outbound, retry_outbound
from app.operations.errors import NotDismissible, NoticeNotFound, SampleNotFound, WebhookNotFound
from app.operations.monitoring.alert_conditions import AttentionSummary, alert_conditions
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.hourly import CallHours
from app.operations.monitoring.overview import Overviews
from app.operations.monitoring.snapshot import read_snapshot
from app.operations.notices.notices import VerdictFilter, list_notices
from app.operations.notices.rejected import list_samples, release_sample, show_sample
from app.operations.notices.release import release_notice
from app.operations.pagination import Place
from app.operations.subscribers.pause import pause_subscriber
from app.recording.spool.segments import SPOOLED, SegmentWriter
from tests.api.api_walk import filled, sample
from tests.operations.operations_setup import (
    OPERATOR,
    ORDER_NO,
    PERSONAL,
    SOURCE,
    TELNO,
    OperationsSetup,
)

REASON = Dismissal(reason="a test call of the sales desk")
NOTHING = AttentionCounts(
    reviews=0,
    quarantined=0,
    conflicts=0,
    rejected_samples=0,
    dead_webhooks=0,
    paused_subscribers=0,
)


async def test_items_that_need_review_are_shown_and_counted(setup: OperationsSetup) -> None:
    assert NOTHING == (await read_attention(setup.sessions)).counts
    names = await filled(setup)
    await setup.judged("01", money="9999")
    await pause_subscriber(setup.sessions, "shop", "stocktaking", OPERATOR)
    attention = await read_attention(setup.sessions)
    assert (
        AttentionCounts(
            reviews=4,
            quarantined=2,
            conflicts=1,
            rejected_samples=3,
            dead_webhooks=2,
            paused_subscribers=1,
        )
        == attention.counts
    )
    assert names["*"]["notice_id"] in [notice.id for notice in attention.quarantined]
    assert ["conflict"] == [notice.verdict for notice in attention.conflicts]
    assert ["dead", "dead"] == [webhook.state for webhook in attention.dead_webhooks]
    assert ["stocktaking"] == [
        subscriber.pause_reason for subscriber in attention.paused_subscribers
    ]
    assert [] == [secret for secret in (*PERSONAL, SOURCE) if secret in attention.model_dump_json()]


async def test_a_dismissed_item_leaves_the_list_and_keeps_its_state(
    setup: OperationsSetup,
) -> None:
    await filled(setup)
    await setup.judged("01", money="9999")
    for notice in (await list_notices(setup.sessions, Place(), attention=True)).items:
        dismissed = await dismiss_notice(setup.sessions, notice.id, REASON, OPERATOR)
        assert (notice.verdict, REASON.reason) == (dismissed.verdict, dismissed.dismissal)
        assert dismissed.dismissed_at
    for webhook in (await list_outbound(setup.sessions, Place(), attention=True)).items:
        assert (
            REASON.reason
            == (await dismiss_webhook(setup.sessions, webhook.id, REASON, OPERATOR)).dismissal
        )
    for rejected in (await list_samples(setup.sessions, Place(), attention=True)).items:
        assert (
            REASON.reason
            == (await dismiss_sample(setup.sessions, rejected.id, REASON, OPERATOR)).dismissal
        )
    left = (await read_attention(setup.sessions)).counts
    assert NOTHING.model_copy(update={"reviews": 1}) == left  # the one without a notice
    assert 2 == len(
        (await list_notices(setup.sessions, Place(), verdict=VerdictFilter.QUARANTINED)).items
    )
    assert 2 == len(
        (await list_outbound(setup.sessions, Place(), states=[WebhookState.DEAD])).items
    )
    assert 3 == len((await list_samples(setup.sessions, Place())).items)


async def test_an_item_that_recurs_is_no_longer_dismissed(setup: OperationsSetup) -> None:
    names = await filled(setup)
    notice_id, webhook_id = names["*"]["notice_id"], names["*"]["webhook_id"]
    await dismiss_notice(setup.sessions, notice_id, REASON, OPERATOR)
    await dismiss_webhook(setup.sessions, webhook_id, REASON, OPERATOR)
    assert (None, None) == (
        (released := await release_notice(setup.sessions, notice_id, OPERATOR)).dismissed_at,
        released.dismissal,
    )
    retried = await retry_outbound(setup.sessions, webhook_id, OPERATOR)
    assert (None, None) == (retried.dismissed_at, retried.dismissal)
    await setup.run("UPDATE outbound_webhooks SET state = 'dead'")
    assert webhook_id in [
        webhook.id
        for webhook in (await list_outbound(setup.sessions, Place(), attention=True)).items
    ]


async def test_an_item_that_needs_no_review_cannot_be_dismissed(setup: OperationsSetup) -> None:
    names = await filled(setup)
    accepted = (
        (await list_notices(setup.sessions, Place(), verdict=VerdictFilter.ACCEPTED)).items[0].id
    )
    with pytest.raises(NotDismissible, match="verdict:accepted"):
        await dismiss_notice(setup.sessions, accepted, REASON, OPERATOR)
    await dismiss_sample(setup.sessions, names["*"]["sample_id"], REASON, OPERATOR)
    with pytest.raises(NotDismissible, match="already"):
        await dismiss_sample(setup.sessions, names["*"]["sample_id"], REASON, OPERATOR)
    await setup.run("UPDATE outbound_webhooks SET state = 'pending'")
    with pytest.raises(NotDismissible, match="pending"):
        await dismiss_webhook(setup.sessions, names["*"]["webhook_id"], REASON, OPERATOR)
    with pytest.raises(NoticeNotFound):
        await dismiss_notice(setup.sessions, uuid4(), REASON, OPERATOR)
    with pytest.raises(WebhookNotFound):
        await dismiss_webhook(setup.sessions, 999, REASON, OPERATOR)
    with pytest.raises(SampleNotFound):
        await dismiss_sample(setup.sessions, uuid4(), REASON, OPERATOR)


async def test_a_rejected_sample_is_masked_and_can_be_released(setup: OperationsSetup) -> None:
    sample_id: UUID = await sample(setup)
    masked = await show_sample(setup.sessions, sample_id)
    assert (ORDER_NO, "04", "入金済", "***") == (
        masked.order_no,
        masked.status,
        masked.status_name,
        masked.source,
    )
    assert [] == [
        secret
        for secret in (*PERSONAL, SOURCE, "/zeus/notify")
        if secret in masked.model_dump_json()
    ]
    shown = await show_sample(setup.sessions, sample_id, shown_to=OPERATOR)
    assert (SOURCE, TELNO) == (shown.source, shown.parameters["telno"])
    notice = await release_sample(setup.sessions, sample_id, OPERATOR)
    await setup.judge()
    assert [(notice.id, "accepted")] == [
        (n.id, n.verdict) for n in (await list_notices(setup.sessions, Place())).items
    ]
    for gone in (
        lambda: show_sample(setup.sessions, sample_id),
        lambda: release_sample(setup.sessions, sample_id, OPERATOR),
    ):
        with pytest.raises(SampleNotFound):
            await gone()


async def test_lists_of_webhooks_by_state_and_subscriber_are_complete_and_ordered(
    setup: OperationsSetup,
) -> None:
    for name in ("a", "b"):
        await setup.add(name)
    for number in range(8):
        await setup.judged("01", order_no=f"o{number}")
    await setup.run(
        "UPDATE outbound_webhooks "
        "SET state = (ARRAY['pending', 'delivered', 'dead', 'cancelled'])[id % 4 + 1]"
    )
    query = (
        "SELECT w.id, w.state, s.name FROM outbound_webhooks w "
        "JOIN subscribers s ON s.id = w.subscriber_id"
    )
    everything = {row.id: row for row in await setup.rows(query)}
    for states in (
        (),
        (WebhookState.DEAD,),
        (WebhookState.DEAD, WebhookState.PENDING),
        tuple(WebhookState),
    ):
        for subscriber in (None, "a", "none"):
            wanted = [
                key
                for key, row in everything.items()
                if (not states or row.state in states)
                and (subscriber is None or row.name == subscriber)
            ]
            seen: list[int] = []
            place = Place(limit=3)
            while True:
                page = await list_outbound(
                    setup.sessions, place, states=states, subscriber=subscriber
                )
                seen += [webhook.id for webhook in page.items]
                if not page.has_more:
                    break
                place = Place(page.next_cursor, 3)
            assert sorted(wanted, reverse=True) == seen


async def test_the_overview_of_an_empty_database(setup: OperationsSetup) -> None:
    overview = await Overviews(setup.sessions).read()
    assert (None, 0, None, 0, None) == (
        overview.last_call_at,
        overview.unjudged,
        overview.oldest_unjudged_at,
        overview.undelivered,
        overview.oldest_undelivered_at,
    )
    assert (24, 0, [], NOTHING, None) == (
        len(overview.hours),
        sum(hour.calls for hour in overview.hours),
        overview.subscribers,
        overview.attention,
        overview.spool,
    )


async def test_the_overview_shows_backlogs_and_failing_subscribers(setup: OperationsSetup) -> None:
    await filled(setup)
    await setup.add("down")
    await setup.judged("05")
    await setup.call("99", "99")
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 2, due_at = now() + interval '5 minutes' "
        "WHERE state = 'pending' "
        "AND subscriber_id = (SELECT id FROM subscribers WHERE name = 'down')"
    )
    overview = await Overviews(setup.sessions).read()
    assert (2, 4) == (overview.unjudged, overview.undelivered)
    last, oldest = (
        await setup.rows(
            "SELECT max(received_at), min(received_at) FILTER (WHERE verdict IS NULL) FROM notices"
        )
    )[0]
    assert (last, oldest) == (overview.last_call_at, overview.oldest_unjudged_at)
    assert [("down", 2, 0), ("shop", 2, 2)] == [
        (s.name, s.pending, s.dead) for s in overview.subscribers
    ]
    waiting = await setup.rows(
        "SELECT min(created_at) AS oldest FROM outbound_webhooks WHERE state = 'pending'"
    )
    assert waiting[0].oldest == overview.oldest_undelivered_at
    assert (2, 2) == (overview.attention.quarantined, overview.attention.dead_webhooks)


@pytest.mark.parametrize(
    ("health", "failing"),
    [
        ("failures = 0, failing_since = NULL", False),
        ("failures = 9, failing_since = now() - interval '9 minutes'", False),
        ("failures = 10, failing_since = now() - interval '1 second'", True),
        ("failures = 1, failing_since = now() - interval '10 minutes'", True),
        ("failures = 10, failing_since = now() - interval '10 minutes', state = 'paused'", False),
    ],
)
async def test_the_overview_and_the_alerts_agree_on_failing_subscribers(
    setup: OperationsSetup, health: str, failing: bool
) -> None:
    await setup.add("shop")
    await setup.judged("01")
    await setup.run(
        "UPDATE outbound_webhooks SET attempts = 1, due_at = now() + interval '5 minutes'"
    )
    await setup.run(f"UPDATE subscribers SET {health}")
    overview = await Overviews(setup.sessions).read()
    assert [failing] == [subscriber.failing for subscriber in overview.subscribers]
    async with setup.sessions() as session:
        conditions = alert_conditions(
            await read_snapshot(session), Expectation(0, 0), AttentionSummary()
        )
    assert failing == ("failing:shop" in [condition.key for condition in conditions])


async def _call_at(setup: OperationsSetup, moment: datetime, answer_seconds: float | None) -> None:
    """Record a call of this moment, answered so many seconds later."""
    notice_id = UUID(int=(int(moment.timestamp() * 1000) << 80) | (uuid7().int & ((1 << 80) - 1)))
    await setup.run(
        "INSERT INTO notices (id, lane, received_at, source, method, target, headers, body) "
        "VALUES (:id, 0, :at, '192.0.2.1', 'GET', '', '', '')",
        id=notice_id,
        at=moment,
    )
    if answer_seconds is not None:
        answered = moment + timedelta(seconds=answer_seconds)
        await setup.run(
            "INSERT INTO answers (notice_id, answered_at) VALUES (:id, :at)",
            id=notice_id,
            at=answered,
        )


async def test_calls_and_slow_answers_are_counted_per_hour(setup: OperationsSetup) -> None:
    at = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    current = at.replace(minute=0)
    for moment, answer in (
        (current, 0.9),
        (current - timedelta(milliseconds=1), 1.001),
        (current - timedelta(hours=1), 40),
        (current - timedelta(hours=23), 1.0),
        (current - timedelta(hours=23, milliseconds=1), 5),  # before the first hour
        (at, None),
    ):
        await _call_at(setup, moment, answer)
    async with setup.sessions() as session:
        hours = await CallHours().read(session, at)
    assert [current - timedelta(hours=back) for back in range(23, -1, -1)] == [
        hour.begins for hour in hours
    ]
    assert [(1, 0), *[(0, 0)] * 21, (2, 2), (2, 0)] == [
        (hour.calls, hour.slow_answers) for hour in hours
    ]


async def test_past_hours_are_cached(setup: OperationsSetup) -> None:
    at = datetime(2026, 11, 23, 12, 30, tzinfo=UTC)
    hours = CallHours()
    async with setup.sessions() as session:
        await hours.read(session, at)
    await _call_at(setup, at - timedelta(hours=3), None)
    await _call_at(setup, at - timedelta(minutes=1), None)
    async with setup.sessions() as session:
        counted = await hours.read(session, at)
    assert (0, 1) == (counted[-4].calls, counted[-1].calls)


async def test_concurrent_readers_share_one_reading(setup: OperationsSetup) -> None:
    overviews = Overviews(setup.sessions)
    first, *others = await asyncio.gather(*(overviews.read() for _ in range(10)))
    assert {id(first)} == {id(other) for other in others}


async def test_the_spool_is_shown_if_its_directory_is_shared(
    setup: OperationsSetup, tmp_path: Path
) -> None:
    empty = (await Overviews(setup.sessions, tmp_path).read()).spool
    assert empty is not None
    assert (0, None) == (empty.records, empty.oldest_seconds)
    assert (await Overviews(setup.sessions, tmp_path / "none").read()).spool is None
    SegmentWriter(tmp_path, "0" * 16, suffix=SPOOLED, limit=1_000_000).write([b"one", b"two"])
    waiting = (await Overviews(setup.sessions, tmp_path).read()).spool
    assert waiting is not None
    assert (2, 1, True) == (waiting.records, waiting.segments, waiting.oldest_seconds is not None)
