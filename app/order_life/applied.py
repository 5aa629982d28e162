"""Applications: what the relay applied for, and how a call about the slip differs from it. Pure."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Final, Self
from uuid import UUID

from app.order_life.differing import Differing
from app.order_life.order_state import values_of
from app.zeus.canonical import canonical
from app.zeus.parameters import money_of
from app.zeus.statuses import Status

MADE: Final = "accepted"
"""State of an application that made a slip."""
MADE_NONE: Final = "failed"
"""State of an application that Zeus refused."""

_NUMBERS: Final = ("pay_no1", "pay_no2", "pay_limit")

# The bytes 5C and 7E are a yen sign and an overline in one reading of Shift_JIS.
_SAME_BYTE: Final = str.maketrans({"\u00a5": "\\", "\u203e": "~"})


@dataclass(frozen=True, slots=True)
class AppliedFor:
    """An application for a slip, as far as the calls about it concern it.

    `test` tells that it was marked as a test. `is_replaced` tells that the merchant applied again
    in its place. `is_called` tells that a call about its slip has come.
    """

    id: UUID
    clientip: str
    money: int
    pay_cvs: str
    sendid: str | None
    sendpoint: str
    test: bool
    state: str
    order_no: str | None = None
    pay_no1: str | None = None
    pay_no2: str | None = None
    pay_limit: str | None = None
    error_code: str | None = None
    is_replaced: bool = False
    is_called: bool = False

    def after_call(self, order_no: str, meant: Mapping[str, str]) -> Self:
        """Return the application after a call about its slip, which may end its unknown outcome.

        A call tells what Zeus knows, so it also corrects an outcome that somebody only believed.
        A slip that Zeus issued in place of the first one changes nothing.
        """
        failed = meant["status"] == Status.FAILED
        if self.state == MADE or (self.state == MADE_NONE and failed):
            is_other = self.order_no not in (None, order_no)
            return self if is_other else replace(self, order_no=order_no, is_called=True)
        told = values_of(meant, _NUMBERS)
        return replace(
            self,
            state=MADE_NONE if failed else MADE,
            order_no=order_no,
            is_called=True,
            error_code=(failed and meant.get("error_code")) or self.error_code,
            pay_no1=told.get("pay_no1", self.pay_no1),
            pay_no2=told.get("pay_no2", self.pay_no2),
            pay_limit=told.get("pay_limit", self.pay_limit),
        )

    def other_amount(self, meant: Mapping[str, str]) -> int | None:
        """Return the amount of a call that names another one than the application."""
        called = money_of(meant.get("money"))
        return called if called != self.money else None

    def differing(self, order_no: str, meant: Mapping[str, str]) -> tuple[Differing, ...]:
        """Return the other values of a call that are not those of the application.

        The numbers and the deadline belong to the slip that the application made, not to one that
        Zeus issued in its place.
        """
        said: dict[str, str | None] = {
            "clientip": self.clientip,
            "pay_cvs": self.pay_cvs,
            "sendid": self.sendid or "",
            "sendpoint": self.sendpoint,
        }
        if self.order_no == order_no:
            said |= {name: getattr(self, name) or None for name in _NUMBERS}
        return tuple(
            Differing(name, before, now, None)
            for name, before in said.items()
            if before is not None
            and (now := meant.get(name))
            and _folded(name, before) != _folded(name, now)
        )


def _folded(name: str, text: str) -> str:
    return canonical(name, text).translate(_SAME_BYTE)
