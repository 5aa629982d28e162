"""Which action Zeus allows in which state, against the manual's status table and legal paths."""

import pytest

from app.simulator.state.transitions import (
    ActionNotAllowed,
    SlipAction,
    SlipState,
    allowed_actions,
    state_after,
)

S, A = SlipState, SlipAction
PATHS: dict[SlipState, dict[SlipAction, SlipState]] = {
    S.UNPAID: {A.PAY: S.PAID, A.EXPIRE: S.EXPIRED, A.REISSUE: S.CANCELLED, A.STOP: S.UNPAID},
    S.FAILED: {},
    S.EXPIRED: {},
    S.PAID: {A.CONFIRM: S.CONFIRMED, A.TAKE_BACK: S.REVERSED},
    S.CONFIRMED: {},
    S.REVERSED: {A.PAY: S.PAID, A.EXPIRE: S.EXPIRED, A.STOP: S.REVERSED},
    S.CANCELLED: {A.PAY: S.PAID_AFTER_CANCEL, A.STOP: S.CANCELLED},
    S.PAID_AFTER_CANCEL: {
        A.CONFIRM: S.CONFIRMED_AFTER_CANCEL,
        A.TAKE_BACK: S.REVERSED_AFTER_CANCEL,
    },
    S.CONFIRMED_AFTER_CANCEL: {},
    S.REVERSED_AFTER_CANCEL: {A.PAY: S.PAID_AFTER_CANCEL, A.STOP: S.REVERSED_AFTER_CANCEL},
    S.STOPPED: {},
}
STATUSES = {
    S.UNPAID: ("01", "未入金"),
    S.FAILED: ("02", "申込エラー"),
    S.EXPIRED: ("03", "期日切"),
    S.PAID: ("04", "入金済"),
    S.CONFIRMED: ("05", "売上確定"),
    S.REVERSED: ("06", "入金取消"),
    S.CANCELLED: (None, "キャンセル"),
    S.PAID_AFTER_CANCEL: ("11", "キャンセル後入金"),
    S.CONFIRMED_AFTER_CANCEL: ("12", "キャンセル後売上"),
    S.REVERSED_AFTER_CANCEL: ("13", "キャンセル後取消"),
    S.STOPPED: (None, "番組停止"),
}


@pytest.mark.parametrize("state", SlipState)
@pytest.mark.parametrize("action", SlipAction)
def test_an_action_leads_where_the_manual_says_or_is_refused(
    state: SlipState, action: SlipAction
) -> None:
    if action in PATHS[state]:
        assert state_after(state, action) is PATHS[state][action]
        return
    with pytest.raises(ActionNotAllowed) as refused:
        state_after(state, action)
    assert set(PATHS[state]) == set(refused.value.allowed)


@pytest.mark.parametrize("state", SlipState)
def test_a_state_has_the_manuals_status_and_name(state: SlipState) -> None:
    assert STATUSES[state] == (state.status, state.japanese)


@pytest.mark.parametrize("state", [S.UNPAID, S.REVERSED, S.CANCELLED, S.REVERSED_AFTER_CANCEL])
def test_a_payment_after_the_service_was_stopped_is_called_by_nobody(state: SlipState) -> None:
    assert state_after(state, A.PAY, stopped=True) is S.STOPPED  # 番組停止
    assert A.STOP not in allowed_actions(state, stopped=True)
