"""An operator sees every call and what became of it, and can release one from quarantine."""

from uuid import uuid4

import pytest

from app.db.connections import connect
from app.db.notify import NOTICES
from app.operations.errors import NoticeNotFound, NotReleasable
from app.operations.notices.notices import VerdictFilter, list_notices, release_notice, show_notice
from app.operations.pagination import Place
from app.zeus.wire import encode
from tests.operations.operations_setup import (
    EMAIL,
    NAME,
    OPERATOR,
    ORDER_NO,
    PERSONAL,
    SOURCE,
    USUAL,
    OperationsSetup,
)


async def test_notices_are_listed_by_verdict(world: OperationsSetup) -> None:
    await world.judged("01", "01", "99")
    await world.judged("01", money="1")
    await world.call("04")
    listed = {}
    for verdict in VerdictFilter:
        page = await list_notices(world.sessions, Place(), verdict=verdict)
        listed[verdict.value] = [(notice.status, notice.reasons) for notice in page.items]
    assert {
        "accepted": [("01", [])],
        "duplicate": [("01", [])],
        "conflict": [("01", ["differs:money"])],
        "quarantined": [("99", ["unknown_status"])],
        "unjudged": [(None, [])],
    } == listed


async def test_notices_are_listed_by_order(world: OperationsSetup) -> None:
    (one, _) = await world.judged("01", "04")
    (other,) = await world.judged("01", order_no="other")
    page = await list_notices(world.sessions, Place(), order_no="other")
    assert [other] == [notice.id for notice in page.items]
    assert one not in {notice.id for notice in page.items}


async def test_a_notice_is_shown_without_who_pays_and_who_called(world: OperationsSetup) -> None:
    (notice_id,) = await world.judged("04")
    notice = await show_notice(world.sessions, notice_id)
    text = notice.model_dump_json()
    hidden = (*PERSONAL, SOURCE, "198.51.100.7", "secret-part-of-the-path", "%83R", "taro%40")
    assert [] == [secret for secret in hidden if secret in text]
    assert ("5400", "***", "入金済") == (
        notice.parameters["money"],
        notice.parameters["telno"],
        notice.status_name,
    )
    assert "order_no=1234-56789-01234" in notice.target
    assert notice.headers == r"x-forwarded-for: ***\r\naccept: */*\r\n"


async def test_a_notice_is_shown_whole_when_asked_for(world: OperationsSetup) -> None:
    (notice_id,) = await world.judged("04")
    notice = await show_notice(world.sessions, notice_id, shown_to=OPERATOR)
    assert (NAME, EMAIL, SOURCE) == (
        notice.parameters["username"],
        notice.parameters["email"],
        notice.source,
    )
    assert notice.target.startswith(
        "/zeus/notify/secret-part-of-the-path?clientip=2012000001&money=5400&username=%83R%83%93"
    )
    assert [event.id for event in await world.rows("SELECT id FROM events")] == notice.event_ids


async def test_raw_bytes_of_any_kind_are_shown(world: OperationsSetup) -> None:
    notice_id = await world.raw_call(
        b"order_no=1\\%00&status=\xff&telno=03\x93&x=y", body=b"\x00\n"
    )
    notice = await show_notice(world.sessions, notice_id, shown_to=OPERATOR)
    assert r"order_no=1\\%00&status=\xff&telno=03\x93&x=y" in notice.target
    assert r"\x00\n" == notice.body
    assert {"x": "y", "\ufffd": ""} == notice.unknown


async def test_an_unknown_notice_is_not_found(world: OperationsSetup) -> None:
    with pytest.raises(NoticeNotFound):
        await show_notice(world.sessions, uuid4())
    with pytest.raises(NoticeNotFound):
        await release_notice(world.sessions, uuid4(), OPERATOR)


async def test_a_released_notice_is_judged_and_makes_its_event(world: OperationsSetup) -> None:
    (notice_id,) = await world.call("04", clientip="2012999999")
    await world.judge("2012000001")
    assert "quarantined" == (await show_notice(world.sessions, notice_id)).verdict
    released = await release_notice(world.sessions, notice_id, OPERATOR)
    assert (True, None, None) == (released.released, released.verdict, released.judged_at)
    await world.judge("2012000001")
    notice = await show_notice(world.sessions, notice_id)
    assert ("accepted", 1) == (notice.verdict, len(notice.event_ids))


async def test_a_release_wakes_the_judges(world: OperationsSetup) -> None:
    (notice_id,) = await world.call("04", clientip="2012999999")
    await world.judge("2012000001")
    woken: list[str] = []
    listener = await connect(world.url)
    await listener.add_listener(NOTICES, lambda *arguments: woken.append(arguments[2]))
    await release_notice(world.sessions, notice_id, OPERATOR)
    await listener.fetchval(
        "SELECT 1"
    )  # a notification comes before the answer to the next statement
    await listener.close()
    assert [NOTICES] == woken


UNREADABLE = [
    (encode({**USUAL, "status": "99"}), ("unknown_status",)),
    (encode({**USUAL, "order_no": ""}), ("missing_order_no",)),
    (b"", ("missing_order_no", "missing_status")),
    (encode(USUAL) + b"&order_no=another", ("repeated_key:order_no",)),
    (encode(USUAL) + b"&status=04", ("repeated_key:status",)),
]


async def test_what_cannot_be_judged_is_not_released(
    world: OperationsSetup, subtests: pytest.Subtests
) -> None:
    for query, reasons in UNREADABLE:
        with subtests.test(query=query):
            notice_id = await world.raw_call(query)
            await world.judge()
            with pytest.raises(NotReleasable) as refused:
                await release_notice(world.sessions, notice_id, OPERATOR)
            assert reasons == refused.value.reasons
            assert "quarantined" == (await show_notice(world.sessions, notice_id)).verdict


async def test_only_a_quarantined_notice_is_released(world: OperationsSetup) -> None:
    (accepted,) = await world.judged("01")
    (unjudged,) = await world.call("04")
    for notice_id, reason in ((accepted, "verdict:accepted"), (unjudged, "verdict:unjudged")):
        with pytest.raises(NotReleasable) as refused:
            await release_notice(world.sessions, notice_id, OPERATOR)
        assert (reason,) == refused.value.reasons
    assert 1 == len(
        await world.rows("SELECT 1 FROM events WHERE order_no = :order_no", order_no=ORDER_NO)
    )
