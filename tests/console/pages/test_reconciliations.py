"""Reconciliation pages: upload, faults in the operator's language, progress and outcomes."""

from collections.abc import AsyncIterator
from typing import Any
from uuid import UUID

import aiohttp
import pytest

from app.console.texts.file_faults import FAULTS
from app.operations.access.permissions import Role
from app.operations.reconciliations.uploads import UPLOAD_LIMIT
from app.reconciliation.reader import FileFault
from app.zeus.csv_export import CellFault
from tests.console.console_setup import Answer, Console, ConsoleClient
from tests.reconciliation.files import export, finish

JAPANESE = {"accept-language": "ja"}
NOTHING = "SELECT 1 FROM reconciliations UNION ALL SELECT 1 FROM notices"


async def _upload(
    client: ConsoleClient, file: Any, headers: dict[str, str] | None = None, **fields: str
) -> Answer:
    csrf = fields.pop("csrf", None) or (await client.get("/reconciliations")).csrf
    form = aiohttp.FormData()
    for name, value in {"csrf": csrf, **fields}.items():
        form.add_field(name, value)
    form.add_field("file", file, filename="注文.csv", content_type="text/csv")
    async with client.session.post(
        f"{client.base}/reconciliations", data=form, headers=headers, allow_redirects=False
    ) as response:
        return Answer(response.status, response.headers, await response.text())


async def test_a_file_is_uploaded_and_its_result_shown(console: Console) -> None:
    await console.setup.judged("01", order_no="A-1")
    raw = export("A-1,入金済,5400", "B-1,入金済,300", "B-2,キャンセル,300")
    async with console.client(Role.OPERATOR) as client:
        started = await _upload(client, raw, heal="on")
        assert 303 == started.status
        path = started.headers["location"]
        waiting = await client.get(path)
        assert f'hx-get="{path}/progress"' in waiting.text
        assert "0 of 3 orders" in (await client.get(f"{path}/progress")).text
        await finish(console.setup, UUID(path.rpartition("/")[2]))
        assert path == (await client.get(f"{path}/progress")).headers["hx-redirect"]
        shown = (await client.get(path, **JAPANESE)).text
        assert "1件の確認が必要です" in shown
        assert ["A-1" in shown, "B-1" in shown, "B-2" in shown] == [True] * 3
        assert "ゼウスのCSVと照合" in (await client.get("/orders", **JAPANESE)).text
        behind = (await client.get(f"{path}?outcome=behind")).text
        assert ("A-1" in behind, "B-1" in behind) == (True, False)
        assert path in (await client.get("/reconciliations")).text
        await console.setup.judge()
        assert "照合で補ったもの" in (await client.get("/orders/B-1", **JAPANESE)).text
        [notice] = await console.setup.rows("SELECT id FROM notices WHERE order_no = 'B-1'")
        assert "照合で補ったもの" in (await client.get(f"/notices/{notice.id}", **JAPANESE)).text
    [entry] = await console.setup.rows("SELECT * FROM audit_entries WHERE action LIKE 'orders.%'")
    assert ("console", {"orders": 3, "heal": True}) == (entry.via, entry.details)


@pytest.mark.parametrize(
    ("raw", "english", "japanese"),
    [
        (b"", "The file is empty.", "ファイルが空です。"),
        (
            export("A-1,入金済,5400", "A-2,入金済,1e3"),
            "Line 3, column 金額: This is not an amount in yen.",
            "3行目の「金額」：円の金額ではありません。",
        ),
        (
            export("A-1,入金済"),
            "Line 2: The line has 2 cells, the headings are 3.",
            "2行目：見出しは3列ですが、この行は2列です。",
        ),
        (
            b"a,b\r\n<script>,2\r\n",
            "Line 1: No column for order number was found.",
            "1行目：「オーダー番号」の列が見つかりません。",
        ),
    ],
)
async def test_a_fault_is_told_in_the_operator_s_language(
    console: Console, raw: bytes, english: str, japanese: str
) -> None:
    async with console.client(Role.OPERATOR) as client:
        for headers, words in (({}, english), (JAPANESE, japanese)):
            answer = await _upload(client, raw, headers)
            assert 422 == answer.status
            assert words in answer.text
            assert "<script>," not in answer.text
    assert [] == await console.setup.rows(NOTHING)


async def test_columns_are_named_in_the_form(console: Console) -> None:
    raw = "番号,状況\r\nA-1,04\r\n".encode("cp932")
    async with console.client(Role.OPERATOR) as client:
        assert 422 == (await _upload(client, raw, order_no="注文")).status
        assert 303 == (await _upload(client, raw, order_no="番号")).status


async def test_only_a_form_of_this_page_by_an_operator_is_read(console: Console) -> None:
    raw = export("A-1,入金済,5400")
    async with console.client() as stranger:
        assert 303 == (await _upload(stranger, raw, csrf="x")).status
    async with console.client(Role.VIEWER) as viewer:
        csrf = (await viewer.get("/")).csrf
        assert 403 == (await _upload(viewer, raw, csrf=csrf)).status
    async with console.client(Role.OPERATOR) as client:
        assert 403 == (await _upload(client, raw, csrf="x")).status
        elsewhere = {"origin": "https://evil.example"}
        assert 403 == (await _upload(client, raw, elsewhere)).status
        assert 403 == (await client.post("/reconciliations", heal="on")).status
    assert [] == await console.setup.rows(NOTHING)


async def test_a_file_that_is_too_large_is_told_once_it_was_sent(console: Console) -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(UPLOAD_LIMIT // 2**22 + 2):
            yield b"x" * 2**22

    async with console.client(Role.OPERATOR) as client:
        answer = await _upload(client, aiohttp.AsyncIterablePayload(pieces()))
    assert 413 == answer.status
    assert "The file is larger than 256 MiB. Split it." in answer.text
    assert [] == await console.setup.rows(NOTHING)


def test_every_fault_has_its_words() -> None:
    assert {*FileFault, *CellFault} == set(FAULTS)
