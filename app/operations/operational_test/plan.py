"""Plan of an operational test: each store chain with each kind of test, and what must follow.

Source: manual, operational test. Zeus plays the payment of a test application within 30 minutes.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Final

from app.applications.states import TEST_TYPES, TestKind
from app.zeus.mails import JAPAN
from app.zeus.statuses import Status
from app.zeus.stores import STORES, Store

PLAYED_WITHIN: Final = timedelta(minutes=30)
"""Time in which 05 or 06 follows 04 in a test (manual)."""
OPENS, CLOSES = time(9), time(17, 30)
"""Time in Japan in which Zeus plays tests, on weekdays (manual)."""
FOLLOWS: Final[Mapping[TestKind, tuple[Status, ...]]] = {
    TestKind.UNPAID: (Status.ACCEPTED,),
    TestKind.CONFIRMED: (Status.ACCEPTED, Status.PAID, Status.CONFIRMED),
    TestKind.REVERSED: (Status.ACCEPTED, Status.PAID, Status.REVERSED),
}
"""Statuses that must be called and mailed after a test of each kind."""
PREFIX: Final = "OT-"
"""Beginning of the sendid of every application of an operational test."""
_RUN = re.compile("[0-9]{12}")
_SENDID = re.compile(r"OT-([0-9]{12})-([0-9A-Z]{4})-([012])")
_FIRST_MONEY: Final = 1_001
_KIND_OF: Final = {test_type: kind for kind, test_type in TEST_TYPES.items()}


@dataclass(frozen=True, slots=True)
class PlannedTest:
    """One test application: its run, store and kind."""

    run: str
    store: Store
    kind: TestKind

    @property
    def sendid(self) -> str:
        """Return the sendid, by which the application is found again."""
        return f"{PREFIX}{self.run}-{self.store.code}-{TEST_TYPES[self.kind]}"

    @property
    def key(self) -> str:
        """Return the idempotency key: the same test of a run is sent once."""
        return f"operational-test-{self.sendid}"

    @property
    def money(self) -> int:
        """Return the amount in yen. No two tests of a run have the same."""
        return (
            _FIRST_MONEY + 3 * list(STORES).index(self.store.code) + list(TestKind).index(self.kind)
        )


def new_run(at: datetime) -> str:
    """Return the name of a run that begins at this moment: twelve digits that sort by time."""
    return f"{at.astimezone(JAPAN):%y%m%d%H%M%S}"


def is_run(text: str) -> bool:
    """Return True if a text has the form of a run's name."""
    return _RUN.fullmatch(text) is not None


def planned(
    run: str, stores: Iterable[Store] = STORES.values(), kinds: Iterable[TestKind] = TestKind
) -> Sequence[PlannedTest]:
    """Return the tests of a run: every store with every kind."""
    chosen = tuple(kinds)
    return [PlannedTest(run, store, kind) for store in stores for kind in chosen]


def planned_by(sendid: str) -> PlannedTest | None:
    """Return the test that has this sendid, None for a sendid of another kind."""
    found = _SENDID.fullmatch(sendid)
    store = STORES.get(found[2]) if found else None
    if found is None or store is None:
        return None
    return PlannedTest(found[1], store, _KIND_OF[found[3]])


def is_played(at: datetime) -> bool:
    """Return True if Zeus plays tests at this moment. Public holidays are not known here."""
    there = at.astimezone(JAPAN)
    return there.weekday() < 5 and OPENS <= there.time() < CLOSES
