"""Reading an exported file: encodings, columns, values, and faults with their line and column."""

import io
import tracemalloc
from collections.abc import Iterator

import pytest

from app.reconciliation.reader import LINE_LIMIT, ExportedOrder, UnreadableFile, read_export
from app.zeus.statuses import Status

HEADING = "オーダーNo,決済状況,金額"
PAID = ExportedOrder(2, "A-1", Status.PAID, 5400)


def _orders(text: str | bytes, encoding: str = "cp932", **columns: str) -> list[ExportedOrder]:
    raw = text if isinstance(text, bytes) else text.encode(encoding)
    return list(read_export(io.BytesIO(raw), columns))


def _fault(text: str | bytes, encoding: str = "cp932", **columns: str) -> UnreadableFile:
    with pytest.raises(UnreadableFile) as caught:
        _orders(text, encoding, **columns)
    return caught.value


@pytest.mark.parametrize("encoding", ["cp932", "utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("separator", [",", "\t"])
def test_every_form_of_the_file_is_read(encoding: str, end: str, separator: str) -> None:
    text = end.join((HEADING, "A-1,入金済,5400", "")).replace(",", separator)
    assert [PAID] == _orders(text, encoding)


@pytest.mark.parametrize(
    "heading",
    [
        "order_no,status,money",
        "オーダー番号,ステータス,金額",
        "オーダーＮＯ,決済状況,決済金額",
        ' オーダー No ,"ステータス","請求金額"',
    ],
)
def test_headings_are_found_however_they_are_spelled(heading: str) -> None:
    assert [PAID] == _orders(f"{heading}\nA-1,入金済,5400\n")


def test_columns_stand_anywhere_and_others_are_passed_over() -> None:
    text = "氏名,金額,決済状況,メモ,オーダーNo\n山田,5400,入金済,=1+1,A-1\n"
    assert [PAID] == _orders(text)


def test_columns_can_be_named() -> None:
    text = "番号,入金の状況,オーダーNo\nA-1,入金済,B-1\n"
    assert [ExportedOrder(2, "A-1", Status.PAID, None)] == _orders(
        text, order_no="番号", status="入金の状況"
    )


def test_the_amount_may_be_missing() -> None:
    assert [ExportedOrder(2, "A-1", Status.PAID, None)] == _orders("order_no,status\nA-1,04\n")
    assert [ExportedOrder(2, "A-1", Status.PAID, None)] == _orders(f"{HEADING}\nA-1,04,\n")


@pytest.mark.parametrize(
    ("cell", "status"),
    [
        ("未入金", "01"),
        ("申込エラー", "02"),
        ("期日切", "03"),
        ("入金済", "04"),
        ("売上確定", "05"),
        ("入金取消", "06"),
        ("キャンセル後入金", "11"),
        ("キャンセル後売上", "12"),
        ("キャンセル後取消", "13"),
        ("04", "04"),
        ("4", "04"),
        ("４", "04"),
        (" 入金済　", "04"),
        ("キャンセル", None),
        ("番組停止", None),
    ],
)
def test_statuses_are_read_by_name_and_code(cell: str, status: str | None) -> None:
    assert [status] == [order.status for order in _orders(f"{HEADING}\nA-1,{cell},1\n")]


@pytest.mark.parametrize(
    "cell", ["5400", '"5,400"', "￥5400", "¥5400", "5400円", "5400.00", "５４００"]
)
def test_amounts_are_read_as_people_write_them(cell: str) -> None:
    assert [PAID] == _orders(f"{HEADING}\nA-1,入金済,{cell}\n", "utf-8")


@pytest.mark.parametrize("cell", ['"=""A-1"""', "'A-1", " A-1 ", "\u3000A-1"])
def test_an_order_number_is_read_without_a_spreadsheet_s_signs(cell: str) -> None:
    assert [PAID] == _orders(f"{HEADING}\n{cell},入金済,5400\n", "utf-8")


def test_blank_lines_are_passed_over_and_lines_are_counted() -> None:
    text = f'\n{HEADING}\n\n"A-1",入金済,5400\n,,\n"A-2","入金済","5400"\n'
    assert [(4, "A-1"), (6, "A-2")] == [(order.line, order.order_no) for order in _orders(text)]


def test_a_line_end_in_a_cell_counts() -> None:
    text = '氏名,order_no,status\n"山\n田",A-1,04\n佐藤,A-2,04\n'
    assert [(2, "A-1"), (4, "A-2")] == [(order.line, order.order_no) for order in _orders(text)]


@pytest.mark.parametrize(
    ("row", "column", "reason"),
    [
        ("A-1,入金待ち,5400", "決済状況", "unknown status"),
        ("A-1,入金済,-5400", "金額", "not an amount"),
        ("A-1,入金済,1e3", "金額", "not an amount"),
        ("A-1,入金済,=SUM(A1)", "金額", "formula"),
        ("=HYPERLINK(1),入金済,5400", "オーダーNo", "formula"),
        ("+A-1,入金済,5400", "オーダーNo", "formula"),
        ("@A-1,入金済,5400", "オーダーNo", "formula"),
        ("A-1,入金済," + "9" * 19, "金額", "not an amount"),
        ("A-1,入金済," + "9" * 5_000, "金額", "not an amount"),
        (",入金済,5400", "オーダーNo", "missing"),
        (f"{'A' * 256},入金済,5400", "オーダーNo", "too long"),
        ("1.23E+15,入金済,5400", "オーダーNo", "rounded"),
        ("A-1,入金済", None, "2 cells under 3 headings"),
        ("A-1,入金済,5400,9", None, "4 cells under 3 headings"),
    ],
)
def test_a_fault_names_line_and_column(row: str, column: str | None, reason: str) -> None:
    fault = _fault(f"{HEADING}\nB-1,入金済,1\n{row}\n")
    assert (3, column) == (fault.line, fault.column)
    assert reason in fault.reason
    assert "5400" not in str(fault)
    assert "line 3" in str(fault)


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"", "empty"),
        (b"\r\n\n", "empty"),
        (b"PK\x03\x04rest", "workbook"),
        (b"\xd0\xcf\x11\xe0rest", "workbook"),
        ("order_no,status\n".encode("utf-16"), "UTF-16"),
        (b"------------------------feff3aeac5c4ba0d\r\nContent-Type: text/csv\r\n", "form"),
        (b"order_no,status\nA\0,04\n", "NUL"),
        (b"a,b,c\n1,2,3\n", "no column for order_no"),
        (b"order_no,money\n1,2\n", "no column for status"),
        (b"order_no,status,order_no\n", "several columns for order_no"),
        (b'order_no,status\n"A,04\n', "not a table"),
        (b'order_no,status\n"A' + b"\n" * 200, "quoted cell does not end"),
        (b"order_no,status\n" + b"x" * (LINE_LIMIT + 1), "bytes long"),
        (b"\x89PNG\r\n\x1a\n", "no column for order_no"),
    ],
)
def test_what_is_no_table_is_refused_with_a_reason(raw: bytes, reason: str) -> None:
    assert reason in str(_fault(raw))


def test_a_named_column_that_is_missing_is_told_with_the_headings() -> None:
    fault = _fault(f"{HEADING}\n", order_no="注文")
    assert "決済状況" in str(fault)
    assert "no such field: price" in str(_fault(f"{HEADING}\n", price="金額"))


def test_a_file_without_headings_shows_none_of_its_values() -> None:
    fault = _fault("A-1,入金済,5400,コンビニ　タロウ\n")
    assert "line 1: the line holds an order, no headings" == str(fault)


def test_a_heading_cannot_control_a_terminal() -> None:
    assert "\x1b" not in str(_fault("order_no\x1b[2J,money\n"))
    assert "\x1b" not in str(_fault("order_no,sta\x1b[2J\nA-1,99\n", status="sta\x1b[2J"))


def test_mixed_encodings_are_told_with_the_line() -> None:
    raw = f"{HEADING}\n".encode() + "A-1,入金済,5400\n".encode("cp932")
    fault = _fault(raw)
    assert fault.line == 2
    assert "utf-8" in fault.reason


def test_a_long_file_is_read_in_little_memory() -> None:
    def lines() -> Iterator[bytes]:
        yield f"{HEADING}\n".encode("cp932")
        for number in range(100_000):
            yield f"A-{number},入金済,5400\n".encode("cp932")

    class Generated(io.BytesIO):
        """A file that is made while it is read."""

        def __init__(self) -> None:
            super().__init__()
            self._lines = lines()

        def readable(self) -> bool:
            return True

        def readline(self, size: int | None = -1, /) -> bytes:
            return next(self._lines, b"")

    tracemalloc.start()
    count = sum(1 for _ in read_export(Generated()))
    _, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert 100_000 == count
    assert most < 1_000_000
