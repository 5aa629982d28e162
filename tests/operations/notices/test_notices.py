"""Notices as operators see them: lists, raw bytes and release from quarantine."""

from uuid import uuid4

import pytest

from app.db.connections import connect
from app.db.notify import NOTICES
from app.operations.errors import NoticeNotFound, NotReleasable
from app.operations.notices.notices import VerdictFilter, list_notices, show_notice
from app.operations.notices.release import release_notice
from app.operations.pagination import Place
from app.zeus.wire import encode
from tests.operations.operations_setup import (
    CALL_VALUES,
    EMAIL,
    NAME,
    OPERATOR,
    ORDER_NO,
    PERSONAL,
    SOURCE,
    OperationsSetup,
)


async def test_notices_are_listed_by_verdict(setup: OperationsSetup) -> None:
    await setup.judged("01", "01", "99")
    await setup.judged("01", money="1")
    await setup.call("04")
    listed = {}
    for verdict in VerdictFilter:
        page = await list_notices(setup.sessions, Place(), verdict=verdict)
        listed[verdict.value] = [(notice.status, notice.reasons) for notice in page.items]
    assert {
        "accepted": [("01", [])],
        "duplicate": [("01", [])],
        "conflict": [("01", ["differs:money"])],
        "quarantined": [("99", ["unknown_status"])],
        "unjudged": [(None, [])],
    } == listed


async def test_notices_are_listed_by_order(setup: OperationsSetup) -> None:
    (one, _) = await setup.judged("01", "04")
    (other,) = await setup.judged("01", order_no="other")
    page = await list_notices(setup.sessions, Place(), order_no="other")
    assert [other] == [notice.id for notice in page.items]
    assert one not in {notice.id for notice in page.items}


async def test_a_notice_is_shown_without_customer_and_source(setup: OperationsSetup) -> None:
    (notice_id,) = await setup.judged("04")
    notice = await show_notice(setup.sessions, notice_id)
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


async def test_a_notice_is_shown_unmasked_on_request(setup: OperationsSetup) -> None:
    (notice_id,) = await setup.judged("04")
    notice = await show_notice(setup.sessions, notice_id, shown_to=OPERATOR)
    assert (NAME, EMAIL, SOURCE) == (
        notice.parameters["username"],
        notice.parameters["email"],
        notice.source,
    )
    assert notice.target.startswith(
        "/zeus/notify/secret-part-of-the-path?clientip=2012000001&money=5400&username=%83R%83%93"
    )
    assert [event.id for event in await setup.rows("SELECT id FROM events")] == notice.event_ids


async def test_raw_bytes_of_any_kind_are_shown(setup: OperationsSetup) -> None:
    notice_id = await setup.raw_call(
        b"order_no=1\\%00&status=\xff&telno=03\x93&x=y", body=b"\x00\n"
    )
    notice = await show_notice(setup.sessions, notice_id, shown_to=OPERATOR)
    assert r"order_no=1\\%00&status=\xff&telno=03\x93&x=y" in notice.target
    assert r"\x00\n" == notice.body
    assert {"x": "y", "\ufffd": ""} == notice.unknown


async def test_an_unknown_notice_is_not_found(setup: OperationsSetup) -> None:
    with pytest.raises(NoticeNotFound):
        await show_notice(setup.sessions, uuid4())
    with pytest.raises(NoticeNotFound):
        await release_notice(setup.sessions, uuid4(), OPERATOR)


async def test_a_released_notice_is_judged_and_makes_its_event(setup: OperationsSetup) -> None:
    (notice_id,) = await setup.call("04", clientip="2012999999")
    await setup.judge("2012000001")
    assert "quarantined" == (await show_notice(setup.sessions, notice_id)).verdict
    released = await release_notice(setup.sessions, notice_id, OPERATOR)
    assert (True, None, None) == (released.released, released.verdict, released.judged_at)
    await setup.judge("2012000001")
    notice = await show_notice(setup.sessions, notice_id)
    assert ("accepted", 1) == (notice.verdict, len(notice.event_ids))


async def test_a_release_wakes_the_workers(setup: OperationsSetup) -> None:
    (notice_id,) = await setup.call("04", clientip="2012999999")
    await setup.judge("2012000001")
    woken: list[str] = []
    listener = await connect(setup.url)
    await listener.add_listener(NOTICES, lambda *arguments: woken.append(arguments[2]))
    await release_notice(setup.sessions, notice_id, OPERATOR)
    await listener.fetchval(
        "SELECT 1"
    )  # a notification arrives before the answer to the next statement
    await listener.close()
    assert [NOTICES] == woken


UNREADABLE = [
    (encode({**CALL_VALUES, "status": "99"}), ("unknown_status",)),
    (encode({**CALL_VALUES, "order_no": ""}), ("missing_order_no",)),
    (b"", ("missing_order_no", "missing_status")),
    (encode(CALL_VALUES) + b"&order_no=another", ("repeated_key:order_no",)),
    (encode(CALL_VALUES) + b"&status=04", ("repeated_key:status",)),
]


async def test_a_notice_that_cannot_be_judged_is_not_released(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    for query, reasons in UNREADABLE:
        with subtests.test(query=query):
            notice_id = await setup.raw_call(query)
            await setup.judge()
            with pytest.raises(NotReleasable) as rejected:
                await release_notice(setup.sessions, notice_id, OPERATOR)
            assert reasons == rejected.value.reasons
            assert "quarantined" == (await show_notice(setup.sessions, notice_id)).verdict


async def test_only_a_quarantined_notice_is_released(setup: OperationsSetup) -> None:
    (accepted,) = await setup.judged("01")
    (unjudged,) = await setup.call("04")
    for notice_id, reason in ((accepted, "verdict:accepted"), (unjudged, "verdict:unjudged")):
        with pytest.raises(NotReleasable) as rejected:
            await release_notice(setup.sessions, notice_id, OPERATOR)
        assert (reason,) == rejected.value.reasons
    assert 1 == len(
        await setup.rows("SELECT 1 FROM events WHERE order_no = :order_no", order_no=ORDER_NO)
    )
