"""Reconciliations over HTTP: uploads, progress, outcomes, and files that cannot be compared."""

from collections.abc import AsyncIterator
from typing import Any
from urllib.parse import quote
from uuid import UUID

import aiohttp
import pytest

from app.operations.access.permissions import Role
from app.operations.reconciliations.uploads import UPLOAD_LIMIT
from tests.api.api_client import Answer, Api
from tests.api.api_walk import token
from tests.operations.operations_setup import OperationsSetup
from tests.reconciliation.files import HEADING, export, finish

PAID = "A-1,入金済,5400"
NOTHING = "SELECT 1 FROM reconciliations UNION ALL SELECT 1 FROM reconciliation_rows"


async def _send(api: Api, raw: Any, query: str = "", **options: Any) -> Answer:
    return await api.post(f"/reconciliations{query}", data=raw, **options)


async def test_a_file_is_compared_and_its_outcomes_are_read_page_by_page(
    api: Api, setup: OperationsSetup
) -> None:
    await setup.judged("01", order_no="A-1")
    answer = await _send(api, export(PAID, "B-1,入金済,5400", "B-2,入金済,300"), "?heal=true")
    assert (200, "comparing", 3, 0, True) == (
        answer.status,
        *(answer.json[name] for name in ("state", "total", "compared", "heal")),
    )
    path = f"/reconciliations/{answer.json['id']}"
    assert [] == (await api.get(path)).json["rows"]["items"]
    await finish(setup, UUID(answer.json["id"]))
    shown = (await api.get(f"{path}?limit=2")).json
    assert ("done", 3, 3) == (shown["state"], shown["compared"], shown["healed"])
    assert {
        "agrees": 0,
        "unknown_here": 2,
        "behind": 1,
        "amount_differs": 0,
        "unknown_there": 0,
    } == (shown["counts"])
    first, second = shown["rows"]["items"]
    assert (2, "A-1", "behind", "04", "入金済", "01", "未入金", 5400) == tuple(
        first[name]
        for name in (
            "line",
            "order_no",
            "outcome",
            "status",
            "status_name",
            "our_status",
            "our_status_name",
            "our_money",
        )
    )
    assert first["notice_id"]
    assert "B-1" == second["order_no"]
    rest = (await api.get(f"{path}?cursor={shown['rows']['next_cursor']}")).json["rows"]
    assert (["B-2"], False) == ([row["order_no"] for row in rest["items"]], rest["has_more"])
    [listed] = (await api.get("/reconciliations")).json["items"]
    assert listed == {name: shown[name] for name in listed}


async def test_a_healed_order_counts_as_no_call_of_zeus(api: Api, setup: OperationsSetup) -> None:
    await finish(setup, UUID((await _send(api, export(PAID), "?heal=true")).json["id"]))
    await setup.judge()
    [notice] = (await api.get("/notices")).json["items"]
    assert ("reconciliation", "accepted") == (notice["origin"], notice["verdict"])
    assert (await api.get("/overview")).json["last_call_at"] is None
    [event] = (await api.get("/events")).json["items"]
    assert "payment.received" == event["type"]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [("agrees", ["A-1"]), ("unknown_here", ["B-1", "B-2"]), ("behind", [])],
)
async def test_orders_are_filtered_by_outcome(
    api: Api, setup: OperationsSetup, outcome: str, expected: list[str]
) -> None:
    await setup.judged("01", "04", order_no="A-1")
    raw = export(PAID, "B-1,入金済,1", "B-2,入金済,1")
    job_id = (await _send(api, raw)).json["id"]
    await finish(setup, UUID(job_id))
    found = (await api.get(f"/reconciliations/{job_id}?outcome={outcome}")).json["rows"]["items"]
    assert expected == [row["order_no"] for row in found]


async def test_columns_are_named_in_the_query(api: Api) -> None:
    raw = f"{HEADING},番号\r\nX,入金済,1,A-1\r\n".encode("cp932")
    answer = await _send(api, raw, f"?order_no={quote('番号')}")
    assert (200, 1) == (answer.status, answer.json["total"])
    missing = await _send(api, raw, f"?money={quote('料金')}")
    assert (422, "unreadable-file") == missing.problem


@pytest.mark.parametrize(
    ("raw", "place", "reason"),
    [
        (b"", [], "the file is empty"),
        (b"PK\x03\x04", [], "this is a workbook"),
        (b"\x89PNG\r\n\x1a\n\0\0", [1], "no column for order_no"),
        (export("A-1,入金済"), [2], "2 cells under 3 headings"),
        (export(PAID, "=1+1,入金済,1"), [3, "オーダーNo"], "the cell holds a formula"),
        (export(PAID, "A-2,入金待ち,1"), [3, "決済状況"], "unknown status"),
        (export(PAID, "A-2,入金済,1e3"), [3, "金額"], "not an amount in yen"),
        (export(PAID, encoding="utf-8") + "A-2,入金済,1\r\n".encode("cp932"), [3], "not utf-8"),
        (b"order_no,money\r\nA-1,1\r\n", [1], "no column for status"),
    ],
)
async def test_a_fault_names_its_place_and_nothing_is_stored(
    api: Api, setup: OperationsSetup, raw: bytes, place: list[str | int], reason: str
) -> None:
    answer = await _send(api, raw, "?heal=true")
    assert (422, "unreadable-file") == answer.problem
    [fault] = answer.json["errors"]
    assert ["body", *place] == fault["location"]
    assert fault["message"].startswith(reason)
    assert [] == await setup.rows(NOTHING)
    assert [] == await setup.rows("SELECT 1 FROM audit_entries UNION ALL SELECT 1 FROM notices")


async def test_two_gigabytes_are_refused_before_they_are_sent(
    api: Api, setup: OperationsSetup
) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        raise AssertionError("the file was read")
        yield b""

    length = {"content-length": str(2 * 1024**3), "expect": "100-continue"}
    answer = await _send(api, pieces(), headers=length)
    assert (413, "file-too-large") == answer.problem
    assert "256 MiB" in answer.json["detail"]
    assert [] == await setup.rows(NOTHING)


async def test_a_file_of_unknown_length_is_cut_at_the_limit(
    api: Api, setup: OperationsSetup
) -> None:
    sent = 0

    async def pieces() -> AsyncIterator[bytes]:
        nonlocal sent
        piece = b"x" * 4 * 1024 * 1024
        while sent < 2 * 1024**3:
            sent += len(piece)
            yield piece

    try:
        answer = await _send(api, pieces())
        assert (413, "file-too-large") == answer.problem
    except aiohttp.ClientConnectionError:  # the answer may be lost with the rest of the file
        pass
    assert UPLOAD_LIMIT < sent < UPLOAD_LIMIT + 64 * 1024 * 1024
    assert [] == await setup.rows(NOTHING)


async def test_a_viewer_may_look_and_send_no_file(api: Api, setup: OperationsSetup) -> None:
    viewer = await token(setup, "mori", Role.VIEWER)
    assert (403, "not-allowed") == (await _send(api, export(PAID), token=viewer)).problem
    assert 200 == (await api.get("/reconciliations", token=viewer)).status


async def test_an_unknown_reconciliation_is_not_found(api: Api) -> None:
    path = "/reconciliations/01a21ab2-5099-7118-8df3-1742cee52697"
    assert (404, "reconciliation-not-found") == (await api.get(path)).problem
