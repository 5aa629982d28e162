"""Cells of a CSV that spreadsheets neither run nor change, and that programs can read back."""

import csv
import io

import pytest

from app.operations.exports.cells import BOM, csv_lines, number_cell, text_cell

FORMULAS = (
    "=1+1",
    "+1",
    "-1",
    "@SUM(A1)",
    "\t=1",
    "\r=1",
    "\n=1",
    " =1",
    "\u3000＝1",
    "＝1+1",
    "＋1",
    "－1",
    "＠a",
    '=HYPERLINK("https://evil.example/","x")',
    "=cmd|' /C calc'!A0",
)


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_is_a_formula(text: str) -> None:
    assert (f"'{text}", f"'{text}") == (text_cell(text), number_cell(text))


@pytest.mark.parametrize("text", ["paid", "セブン-イレブン", "D001", "a=b", "{}", "1.5", "x@y"])
def test_other_texts_stay(text: str) -> None:
    assert text == text_cell(text)


@pytest.mark.parametrize(
    "number", ["1234-56789-01234", "A-1001", "2012000001", "1", "order 7", "SALE1", "12345678901"]
)
def test_numbers_that_a_spreadsheet_leaves_alone_stay(number: str) -> None:
    assert number == number_cell(number)


@pytest.mark.parametrize(
    "number",
    [
        "0123",
        "123456789012",
        "1234567890123456789",
        "1E5",
        "1-2-3",
        "2026-11-23",
        "11/23",
        "12-2026",
        "1.0",
        "5,400",
        "￥5400",
        "10:30",
        "１２３",
        "Mar-1",
        "DEC 25",
        "true",
        "R8.11.23",
        "令和8年11月23日",
        "50%",
        "(5)",
        "01",
    ],
)
def test_numbers_that_a_spreadsheet_would_change_are_marked(number: str) -> None:
    assert f"'{number}" == number_cell(number)


def test_an_apostrophe_of_the_value_itself_is_kept() -> None:
    assert ("''0123", "''a") == (number_cell("'0123"), text_cell("'a"))


def test_a_missing_value_is_an_empty_cell() -> None:
    assert ["", "", "", ""] == [text_cell(None), text_cell(""), number_cell(None), number_cell("")]


def test_lines_are_read_back_as_written() -> None:
    row = ["a,b", 'c "d"', "e\nf", "", "コンビニ"]
    assert [row] == list(csv.reader(io.StringIO(csv_lines([row]).decode(), newline="")))
    assert csv_lines([["a;=1+1", None, 5]]) == b'"a;=1+1","",5\r\n'
    assert "\ufeff".encode() == BOM
