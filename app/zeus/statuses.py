"""Statuses of an order, and the meaning of each when it arrives after another."""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Final


class Status(StrEnum):
    """ステータス, the `status` parameter of a call (manual, status table).

    キャンセル and 番組停止 have no code: no call tells them.
    """

    ACCEPTED = "01"
    FAILED = "02"
    EXPIRED = "03"
    PAID = "04"
    CONFIRMED = "05"
    REVERSED = "06"
    PAID_AFTER_CANCEL = "11"
    CONFIRMED_AFTER_CANCEL = "12"
    REVERSED_AFTER_CANCEL = "13"

    @property
    def japanese(self) -> str:
        """Return the name that Zeus's console shows."""
        return FACTS[self].japanese

    @property
    def payable(self) -> bool:
        """Return True for 支払対象: Zeus owes the merchant this money, as far as is known now.

        04 and 11 are the prompt report (入金速報).
        """
        return FACTS[self].payable

    @property
    def final(self) -> bool:
        """Return True for 売上確定: the chain's head office has confirmed the money. 05 and 12."""
        return FACTS[self].final

    @property
    def recurs(self) -> bool:
        """Return True if the order can get this status again in a new payment cycle.

        The others happen once in its life.
        """
        return FACTS[self].recurs

    @property
    def brings_money(self) -> bool:
        """Return True if this status reports money that came in: the four payable ones."""
        return self.payable

    @property
    def only_if_ordered(self) -> bool:
        """Return True if Zeus calls for this status only if the merchant ordered it."""
        return FACTS[self].only_if_ordered


@dataclass(frozen=True, slots=True)
class Facts:
    """Facts about one status in the manual's status table."""

    japanese: str
    payable: bool = False
    final: bool = False
    recurs: bool = False
    only_if_ordered: bool = False


FACTS: Final[Mapping[Status, Facts]] = MappingProxyType(
    {
        Status.ACCEPTED: Facts("未入金"),
        Status.FAILED: Facts("申込エラー", only_if_ordered=True),
        Status.EXPIRED: Facts("期日切", only_if_ordered=True),
        Status.PAID: Facts("入金済", payable=True, recurs=True),
        Status.CONFIRMED: Facts("売上確定", payable=True, final=True, recurs=True),
        Status.REVERSED: Facts("入金取消", recurs=True),
        Status.PAID_AFTER_CANCEL: Facts("キャンセル後入金", payable=True, recurs=True),
        Status.CONFIRMED_AFTER_CANCEL: Facts(
            "キャンセル後売上", payable=True, final=True, recurs=True
        ),
        Status.REVERSED_AFTER_CANCEL: Facts("キャンセル後取消", recurs=True),
    }
)


class Step(StrEnum):
    """Meaning of an arriving status, given the order's current one."""

    NEXT = "next"
    GAP = "gap"
    LATE = "late"
    PAID_AGAIN = "paid_again"
    CONTRADICTION = "contradiction"
    CONTRADICTION_WITH_MONEY = "contradiction_with_money"
    REPEATED = "repeated"

    @property
    def moves(self) -> bool:
        """Return True if the order takes the new status.

        It keeps the old one if the call is late, repeated or a contradiction without money.
        """
        return self in _MOVING

    @property
    def needs_review(self) -> bool:
        """Return True for the two contradictions, which an operator must review."""
        return self in (Step.CONTRADICTION, Step.CONTRADICTION_WITH_MONEY)


_MOVING = frozenset({Step.NEXT, Step.GAP, Step.PAID_AGAIN, Step.CONTRADICTION_WITH_MONEY})

_LETTERS: Final[Mapping[str, Step]] = {
    "N": Step.NEXT,  # the usual next status
    "F": Step.GAP,  # a next status, but an expected call never came
    "L": Step.LATE,  # true, but older than the current status
    "R": Step.PAID_AGAIN,  # the customer came back and paid: a new payment cycle
    "X": Step.CONTRADICTION,
    "X!": Step.CONTRADICTION_WITH_MONEY,
    "D": Step.REPEATED,  # the same status again
}

# Row: the order's current status. Column: the arriving status. Money that came in is never dropped,
# confirmed money is never undone without review, and calls may arrive in any order because each is
# sent and retried alone.
_TABLE = """
    now   01  02  03  04  05  06  11  12  13
    none  N   N   F   F   F   F   F   F   F
    01    D   X   N   N   F   F   N   F   F
    02    X   D   X   X!  X!  X   X!  X!  X
    03    L   X   D   X!  X!  X   X!  X!  X
    04    L   X   L   D   N   N   X!  X!  X
    05    L   X   X   L   D   X   X!  X!  X
    06    L   X   N   R   F   D   N   F   F
    11    L   X   L   X!  X!  X   D   N   N
    12    L   X   L   X!  X!  X   L   D   X
    13    L   X   L   X!  X!  X   R   F   D
"""


def _read(table: str) -> dict[tuple[Status | None, Status], Step]:
    (_, *columns), *rows = (line.split() for line in table.strip().splitlines())
    arriving = [Status(column) for column in columns]
    return {
        (None if now == "none" else Status(now), status): _LETTERS[cell]
        for now, *cells in rows
        for status, cell in zip(arriving, cells, strict=True)
    }


_STEPS: Final = _read(_TABLE)


def step(current: Status | None, arriving: Status) -> Step:
    """Return the meaning of `arriving` for an order with the status `current` (None for a new
    order).

    Assumes that the order has not had `arriving` in its current payment cycle. The caller knows the
    order's history. It treats a status had in this cycle as a repetition unless the result is
    PAID_AGAIN, and reads PAID_AGAIN as LATE if this cycle never had the status: then it is the
    missing call.
    """
    return _STEPS[current, arriving]


def parse_status(text: str | None) -> Status | None:
    """Return the status that `text` names, or None: absent, empty, or a code outside the manual's
    table.
    """
    try:
        return Status(text) if text is not None else None
    except ValueError:
        return None
