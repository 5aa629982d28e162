"""The scenarios promise what the manual's tables and our own verdicts say."""

from collections.abc import Mapping, Sequence
from datetime import date

import pytest

from app.simulator.player.orders import build_orders
from app.simulator.player.scenarios import SCENARIOS, Scenario
from app.zeus.statuses import Status, Step, parse_status, step
from app.zeus.wire import Call, decode

CODES = {
    "usual": "01 04 05",
    "reversal": "01 04 06",
    "pay-again": "01 04 06 04 05",
    "out-of-order": "05 04 01",
    "duplicate-storm": "01 04",
    "silence": "01",
    "expired": "01 03",
    "failed": "02",
    "cancelled-and-paid": "01 11 12",
    "cancelled-and-reversed": "01 11 13",
    "conflict": "01 04 04",
    "values-differ": "01 04 05",
    "after-timeout": "01 04 04",
    "contradiction": "01 04 05 06",
    "paid-when-expired": "01 03 04",
    "odd-bytes": "01 04 04 04 99 06 04 05",
}

# The receiver's words for a status: the event it makes, and the state that an order takes.
WORDS = {
    Status.ACCEPTED: ("order.accepted", "awaiting_payment"),
    Status.FAILED: ("order.failed", "failed"),
    Status.EXPIRED: ("order.expired", "expired"),
    Status.PAID: ("payment.received", "paid"),
    Status.CONFIRMED: ("payment.confirmed", "confirmed"),
    Status.REVERSED: ("payment.reversed", "reversed"),
    Status.PAID_AFTER_CANCEL: ("cancelled_order.payment_received", "paid_after_cancel"),
    Status.CONFIRMED_AFTER_CANCEL: ("cancelled_order.payment_confirmed", "confirmed_after_cancel"),
    Status.REVERSED_AFTER_CANCEL: ("cancelled_order.payment_reversed", "reversed_after_cancel"),
}
COMPARED = ("money", "clientip", "pay_no1", "pay_no2", "pay_limit")
TODAY = date(2026, 11, 27)
AGREEING = (*COMPARED, "pay_cvs", "sendid", "sendpoint")


class Judge:
    """The rules of judging in short: the end of one order's calls by the step table."""

    def __init__(self) -> None:
        self.current: Status | None = None
        self.had: dict[Status, Mapping[str, str]] = {}
        self.verdicts: list[str] = []
        self.events: list[str] = []

    def hear(self, call: Call) -> None:
        status = parse_status(call.values.get("status"))
        if status is None or not call.values.get("order_no") or call.problems:
            self.verdicts.append("quarantined")
            return
        meaning = step(self.current, status)
        if status in self.had and meaning is not Step.PAID_AGAIN:
            self._repeated(same=_same(COMPARED, self.had[status], call.values))
            return
        if status in self.had:
            self.had = {had: seen for had, seen in self.had.items() if not had.recurs}
        self._accept(status, meaning, call.values)

    def _accept(self, status: Status, meaning: Step, values: Mapping[str, str]) -> None:
        self.verdicts.append("accepted")
        self.current = status if meaning.moves else self.current
        self.events += [WORDS[status][0]] + ["review.required"] * meaning.needs_review
        agreed = [seen for had, seen in self.had.items() if had.recurs or had is Status.ACCEPTED]
        if status.recurs and any(_is_new(name, values, agreed) for name in AGREEING):
            self.events.append("review.required")
        self.had[status] = values
        is_final = self.current is not None and self.current.final
        if is_final and not {"review.required", "order.released"} & set(self.events):
            self.events.append("order.released")

    def _repeated(self, *, same: bool) -> None:
        self.verdicts.append("duplicate" if same else "conflict")
        self.events += [] if same else ["review.required"]

    def hear_nothing_more(self, deadline: str) -> str:
        """Return the order's state when every deadline of the past is over."""
        assert self.current is not None
        if self.current is Status.ACCEPTED and deadline < f"{TODAY:%Y%m%d}":
            self.events.append("order.expiry_presumed")
            return "expiry_presumed"
        return WORDS[self.current][1]


def _is_new(name: str, values: Mapping[str, str], agreed: Sequence[Mapping[str, str]]) -> bool:
    """Return True if earlier calls said something else, and none of them the same."""
    return bool(agreed) and values[name] not in {seen[name] for seen in agreed}


def _same(names: Sequence[str], one: Mapping[str, str], other: Mapping[str, str]) -> bool:
    return all(one[name] == other[name] for name in names)


@pytest.mark.parametrize("scenario", SCENARIOS.values(), ids=lambda scenario: scenario.name)
def test_expectations_follow_from_the_step_table(scenario: Scenario) -> None:
    (order,) = build_orders(scenario, 1, seed=1, today=TODAY)
    judge = Judge()
    for turn, call in zip(scenario.turns, order.calls, strict=True):
        for _ in range(turn.times):
            judge.hear(decode(call.query))

    state = judge.hear_nothing_more(decode(order.calls[-1].query).values["pay_limit"])
    assert tuple(judge.verdicts) == scenario.verdicts
    assert tuple(judge.events) == scenario.events
    assert state == scenario.state


def test_every_scenario_sends_its_statuses_in_order() -> None:
    assert {
        name: " ".join(turn.status for turn in scenario.turns)
        for name, scenario in SCENARIOS.items()
    } == CODES


def test_a_storm_is_one_event_and_199_duplicates() -> None:
    storm = SCENARIOS["duplicate-storm"]

    assert (storm.turns[1].times, storm.turns[1].connections) == (200, 50)
    assert storm.verdicts == ("accepted", "accepted") + ("duplicate",) * 199
    assert storm.events == ("order.accepted", "payment.received")


def test_every_scenario_says_in_a_line_what_it_is() -> None:
    assert all(scenario.about and "\n" not in scenario.about for scenario in SCENARIOS.values())
