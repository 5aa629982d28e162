"""Reference model of judging: a plain second version, one class without a database.

It shares only the table of steps with the code under test.
"""

from dataclasses import dataclass, field

TYPES = {
    "01": ("order.accepted", "awaiting_payment"),
    "02": ("order.failed", "failed"),
    "03": ("order.expired", "expired"),
    "04": ("payment.received", "paid"),
    "05": ("payment.confirmed", "confirmed"),
    "06": ("payment.reversed", "reversed"),
    "11": ("cancelled_order.payment_received", "paid_after_cancel"),
    "12": ("cancelled_order.payment_confirmed", "confirmed_after_cancel"),
    "13": ("cancelled_order.payment_reversed", "reversed_after_cancel"),
}

# Rows: the order's status. Columns: 01 02 03 04 05 06 11 12 13.
STEPS = {
    None: "N N F F F F F F F",
    "01": "D X N N F F N F F",
    "02": "X D X X! X! X X! X! X",
    "03": "L X D X! X! X X! X! X",
    "04": "L X L D N N X! X! X",
    "05": "L X X L D X X! X! X",
    "06": "L X N R F D N F F",
    "11": "L X L X! X! X D N N",
    "12": "L X L X! X! X L D X",
    "13": "L X L X! X! X R F D",
}
COLUMNS = ["01", "02", "03", "04", "05", "06", "11", "12", "13"]
ONCE = {"01", "02", "03"}


@dataclass
class ReferenceCall:
    order_no: str
    status: str
    money: str
    answered: bool


@dataclass
class ReferenceOrder:
    """An order that gets its calls one by one and keeps the expected outcome."""

    status: str | None = None
    cycle: int = 1
    first_of_cycle: dict[tuple[str, int], ReferenceCall] = field(default_factory=dict)
    last_call: dict[str, ReferenceCall] = field(default_factory=dict)
    count: dict[str, int] = field(default_factory=dict)
    verdicts: list[str] = field(default_factory=list)
    events: list[tuple[str, int | None, int, str, tuple[str, ...]]] = field(default_factory=list)
    held: bool = False
    released: set[int] = field(default_factory=set)
    revoked: set[int] = field(default_factory=set)
    differences: set[tuple[str, str]] = field(default_factory=set)

    def take(self, call: ReferenceCall) -> None:
        letter = STEPS[self.status].split()[COLUMNS.index(call.status)]
        key = (call.status, 1 if call.status in ONCE else self.cycle)
        had = key in self.first_of_cycle
        if had and letter != "R":
            if call.money != self.first_of_cycle[key].money:
                self.verdicts.append("conflict")
                self._review()
            else:
                self.verdicts.append("duplicate")
                self.last_call[call.status] = call
            return
        if letter == "R" and not had:
            letter = "L"
        self._accept(call, letter)

    def _accept(self, call: ReferenceCall, letter: str) -> None:
        flags = {"L": ["late"], "F": ["gap"], "X": ["contradiction"], "X!": ["contradiction"]}.get(
            letter, []
        )
        occurrence = self.count.get(call.status, 0) + 1
        if occurrence > 1 and not self.last_call[call.status].answered:
            flags = [*flags, "repeat_unclear"]
        if letter == "R":
            self.cycle += 1
        if letter in ("N", "F", "R", "X!"):
            self.status = call.status
        self.count[call.status] = occurrence
        self.last_call[call.status] = call
        difference = self._difference(call)
        said = any(other.money == call.money for other in self._others(call))
        if difference:
            flags = [*flags, "values_differ"]
        self.first_of_cycle[(call.status, 1 if call.status in ONCE else self.cycle)] = call
        self.verdicts.append("accepted")
        self._event(TYPES[call.status][0], occurrence, tuple(sorted(flags)))
        if letter in ("X", "X!"):
            self._review()
        if difference and difference not in self.differences and not said:
            self.differences.add(difference)
            self._review()
        moves = letter in ("N", "F")
        if moves and call.status in ("06", "13") and self.cycle in self.released - self.revoked:
            self.revoked.add(self.cycle)
            self._event("order.release_revoked", None, ())
            self._event("review.required", None, ())
        takes = letter in ("N", "F", "R", "X!")
        if (
            takes
            and self.status in ("05", "12")
            and not self.held
            and self.cycle not in self.released
        ):
            self.released.add(self.cycle)
            self._event("order.released", None, ())

    def _difference(self, call: ReferenceCall) -> tuple[str, str] | None:
        """Return the first other amount of the 01 and of this payment, and the new one."""
        if call.status in ("02", "03"):
            return None
        different = (other.money for other in self._others(call) if other.money != call.money)
        return next(((money, call.money) for money in different), None)

    def _others(self, call: ReferenceCall) -> list[ReferenceCall]:
        return [
            other
            for (status, cycle), other in sorted(self.first_of_cycle.items())
            if status != call.status
            and (status == "01" or (status not in ONCE and cycle == self.cycle))
        ]

    def _review(self) -> None:
        self.held = True
        self._event("review.required", None, ())

    def _event(self, event_type: str, occurrence: int | None, flags: tuple[str, ...]) -> None:
        assert self.status is not None
        self.events.append(
            (event_type, occurrence, len(self.events) + 1, TYPES[self.status][1], flags)
        )
