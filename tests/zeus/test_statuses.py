"""Statuses, and the table of their meaning after another."""

import itertools

import pytest

from app.zeus.statuses import Status, Step, parse_status, step

# A separate copy, to show a slip in the source's table.
CELLS = """
| (none) | N | N | F | F | F | F | F | F | F |
| 01 | D | X | N | N | F | F | N | F | F |
| 02 | X | D | X | X! | X! | X | X! | X! | X |
| 03 | L | X | D | X! | X! | X | X! | X! | X |
| 04 | L | X | L | D | N | N | X! | X! | X |
| 05 | L | X | X | L | D | X | X! | X! | X |
| 06 | L | X | N | R | F | D | N | F | F |
| 11 | L | X | L | X! | X! | X | D | N | N |
| 12 | L | X | L | X! | X! | X | L | D | X |
| 13 | L | X | L | X! | X! | X | R | F | D |
"""
COLUMNS = ["01", "02", "03", "04", "05", "06", "11", "12", "13"]
WORDS = {
    "N": "next",
    "F": "gap",
    "L": "late",
    "R": "paid_again",
    "X": "contradiction",
    "X!": "contradiction_with_money",
    "D": "repeated",
}

FACTS = [
    # code, name, payable, final, recurs, only if ordered
    ("01", "未入金", False, False, False, False),
    ("02", "申込エラー", False, False, False, True),
    ("03", "期日切", False, False, False, True),
    ("04", "入金済", True, False, True, False),
    ("05", "売上確定", True, True, True, False),
    ("06", "入金取消", False, False, True, False),
    ("11", "キャンセル後入金", True, False, True, False),
    ("12", "キャンセル後売上", True, True, True, False),
    ("13", "キャンセル後取消", False, False, True, False),
]


def cells() -> list[tuple[str, str, str]]:
    found = []
    for line in CELLS.strip().splitlines():
        now, *letters = [cell.strip() for cell in line.strip("|").split("|")]
        found += [
            (WORDS[letter], now, column) for column, letter in zip(COLUMNS, letters, strict=True)
        ]
    return found


@pytest.mark.parametrize(("expected", "now", "arriving"), cells())
def test_every_cell_of_the_table(expected: str, now: str, arriving: str) -> None:
    current = None if now == "(none)" else Status(now)
    assert expected == step(current, Status(arriving))


def test_the_cells_are_all_pairs_there_are() -> None:
    expected = set(itertools.product(["(none)", *Status], Status))
    assert expected == {(now, arriving) for _, now, arriving in cells()}


@pytest.mark.parametrize(("code", "name", "payable", "final", "recurs", "only_if_ordered"), FACTS)
def test_the_facts_of_a_status(
    code: str, name: str, payable: bool, final: bool, recurs: bool, only_if_ordered: bool
) -> None:
    status = Status(code)
    assert (name, payable, final) == (status.japanese, status.payable, status.final)
    assert (payable, recurs, only_if_ordered) == (
        status.brings_money,
        status.recurs,
        status.only_if_ordered,
    )


def test_every_status_has_facts() -> None:
    assert [fact[0] for fact in FACTS] == list(Status)


PAIRS = [(current, arriving) for current in (None, *Status) for arriving in Status]


def test_a_contradiction_with_money_is_a_step_of_its_own() -> None:
    for current, arriving in PAIRS:
        found = step(current, arriving)
        if found.needs_review:
            assert arriving.brings_money == (found is Step.CONTRADICTION_WITH_MONEY), (
                current,
                arriving,
            )


def test_only_the_same_status_is_a_repetition() -> None:
    assert [(status, status) for status in Status] == [
        (now, new) for now, new in PAIRS if step(now, new) is Step.REPEATED
    ]


def test_only_a_payment_after_its_reversal_is_paid_again() -> None:
    expected = [
        (Status.REVERSED, Status.PAID),
        (Status.REVERSED_AFTER_CANCEL, Status.PAID_AFTER_CANCEL),
    ]
    assert expected == [(now, new) for now, new in PAIRS if step(now, new) is Step.PAID_AGAIN]


def test_confirmed_money_is_only_left_for_other_money() -> None:
    for current, arriving in PAIRS:
        if current is not None and current.final and step(current, arriving).moves:
            assert arriving.brings_money, (current, arriving)


@pytest.mark.parametrize(
    ("moves", "needs_review", "found"),
    [
        (True, False, Step.NEXT),
        (True, False, Step.GAP),
        (False, False, Step.LATE),
        (True, False, Step.PAID_AGAIN),
        (False, True, Step.CONTRADICTION),
        (True, True, Step.CONTRADICTION_WITH_MONEY),
        (False, False, Step.REPEATED),
    ],
)
def test_which_steps_move_the_order_and_which_need_a_human(
    moves: bool, needs_review: bool, found: Step
) -> None:
    assert (moves, needs_review) == (found.moves, found.needs_review)


@pytest.mark.parametrize("code", COLUMNS)
def test_a_code_of_the_table_is_a_status(code: str) -> None:
    assert Status(code) is parse_status(code)


@pytest.mark.parametrize(
    "text",
    [None, "", "00", "07", "14", "4", "004", " 04", "04 ", "0４", "０４", "ACCEPTED", "\ufffd"],
)
def test_anything_else_is_no_status(text: str | None) -> None:
    assert parse_status(text) is None
