"""Transitions of an order on Zeus's side: which action is allowed in which state.

Source: manual, status table and the description of the sales console (売上管理画面).
"""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final

from app.zeus.statuses import Status


class SlipState(StrEnum):
    """State of an order in Zeus's console. Two states have no status code and are never called."""

    UNPAID = "unpaid"
    FAILED = "failed"
    EXPIRED = "expired"
    PAID = "paid"
    CONFIRMED = "confirmed"
    REVERSED = "reversed"
    CANCELLED = "cancelled"
    PAID_AFTER_CANCEL = "paid_after_cancel"
    CONFIRMED_AFTER_CANCEL = "confirmed_after_cancel"
    REVERSED_AFTER_CANCEL = "reversed_after_cancel"
    STOPPED = "stopped"

    @property
    def status(self) -> Status | None:
        """Return the status that Zeus calls, or None for キャンセル and 番組停止."""
        return _STATUS.get(self)

    @property
    def japanese(self) -> str:
        """Return the name that Zeus's console shows."""
        return self.status.japanese if self.status else _NAMES_WITHOUT_STATUS[self]


_STATUS: Final[Mapping[SlipState, Status]] = {
    SlipState.UNPAID: Status.ACCEPTED,
    SlipState.FAILED: Status.FAILED,
    SlipState.EXPIRED: Status.EXPIRED,
    SlipState.PAID: Status.PAID,
    SlipState.CONFIRMED: Status.CONFIRMED,
    SlipState.REVERSED: Status.REVERSED,
    SlipState.PAID_AFTER_CANCEL: Status.PAID_AFTER_CANCEL,
    SlipState.CONFIRMED_AFTER_CANCEL: Status.CONFIRMED_AFTER_CANCEL,
    SlipState.REVERSED_AFTER_CANCEL: Status.REVERSED_AFTER_CANCEL,
}
_NAMES_WITHOUT_STATUS: Final = {SlipState.CANCELLED: "キャンセル", SlipState.STOPPED: "番組停止"}


class SlipAction(StrEnum):
    """What happens to a slip at the till, at the head office, in the console, or by time."""

    PAY = "pay"
    CONFIRM = "confirm"
    TAKE_BACK = "take-back"
    EXPIRE = "expire"
    REISSUE = "reissue"
    STOP = "stop"
    """The merchant's service is stopped; a payment after it becomes 番組停止."""


_AFTER: Final[Mapping[tuple[SlipState, SlipAction], SlipState]] = {
    (SlipState.UNPAID, SlipAction.PAY): SlipState.PAID,
    (SlipState.REVERSED, SlipAction.PAY): SlipState.PAID,
    (SlipState.PAID, SlipAction.CONFIRM): SlipState.CONFIRMED,
    (SlipState.PAID, SlipAction.TAKE_BACK): SlipState.REVERSED,
    (SlipState.UNPAID, SlipAction.EXPIRE): SlipState.EXPIRED,
    (SlipState.REVERSED, SlipAction.EXPIRE): SlipState.EXPIRED,
    (SlipState.UNPAID, SlipAction.REISSUE): SlipState.CANCELLED,
    (SlipState.CANCELLED, SlipAction.PAY): SlipState.PAID_AFTER_CANCEL,
    (SlipState.REVERSED_AFTER_CANCEL, SlipAction.PAY): SlipState.PAID_AFTER_CANCEL,
    (SlipState.PAID_AFTER_CANCEL, SlipAction.CONFIRM): SlipState.CONFIRMED_AFTER_CANCEL,
    (SlipState.PAID_AFTER_CANCEL, SlipAction.TAKE_BACK): SlipState.REVERSED_AFTER_CANCEL,
}


class ActionNotAllowed(Exception):
    """Zeus does not allow this action in this state; `allowed` are those that it allows now."""

    def __init__(
        self, state: SlipState, action: SlipAction, allowed: tuple[SlipAction, ...]
    ) -> None:
        super().__init__(f"{action} is not allowed for an order that is {state}")
        self.state, self.action, self.allowed = state, action, allowed


_TAKEN_BACK: Final = frozenset({SlipState.REVERSED, SlipState.REVERSED_AFTER_CANCEL})


def allowed_actions(
    state: SlipState, *, stopped: bool = False, pay_again: bool = True
) -> tuple[SlipAction, ...]:
    """Return the actions that Zeus allows now.

    `stopped`: the merchant's service was stopped. `pay_again`: a slip can be paid after its payment
    was taken back, which the manual leaves open.
    """
    never = {SlipAction.PAY} if state in _TAKEN_BACK and not pay_again else set()
    actions = tuple(
        action for action in SlipAction if (state, action) in _AFTER and action not in never
    )
    return (*actions, SlipAction.STOP) if SlipAction.PAY in actions and not stopped else actions


def state_after(
    state: SlipState, action: SlipAction, *, stopped: bool = False, pay_again: bool = True
) -> SlipState:
    """Return the state after `action`. Stopping the service leaves the state as it is.

    Raises:
        ActionNotAllowed: Zeus would not do this.
    """
    allowed = allowed_actions(state, stopped=stopped, pay_again=pay_again)
    if action not in allowed:
        raise ActionNotAllowed(state, action, allowed)
    if action is SlipAction.STOP:
        return state
    return SlipState.STOPPED if stopped and action is SlipAction.PAY else _AFTER[state, action]
