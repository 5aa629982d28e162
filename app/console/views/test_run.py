"""View of a run of the operational test: the four checks, and what each test waits for."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from app.applications.states import ApplicationState
from app.console.texts.marking import _
from app.operations.operational_test.models import OperationalTest, TestProgress

GRACE = timedelta(minutes=5)
"""Time beside Zeus's half an hour in which a late call is still awaited."""
_UNDER_WAY = (ApplicationState.SENDING, ApplicationState.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Check:
    """One of the manual's checks: its name, and how many tests passed it."""

    words: str
    passed: int
    of: int

    @property
    def is_done(self) -> bool:
        """Return True if every test passed it."""
        return 0 < self.of == self.passed


@dataclass(frozen=True, slots=True)
class TestView:
    """One test with the time left for what has not come."""

    __test__ = False  # the name begins like a test of pytest

    test: TestProgress
    left: timedelta | None
    """Time until everything should have come; None if nothing is awaited any more."""

    @property
    def countdown(self) -> str:
        """Return the time left as minutes and seconds, `00:00` once it is over."""
        seconds = max(0, int(self.left.total_seconds())) if self.left is not None else 0
        return f"{seconds // 60:02}:{seconds % 60:02}"

    @property
    def is_awaited(self) -> bool:
        """Return True while something can still come in time."""
        return self.left is not None and self.left > timedelta(0)

    @property
    def is_accepted(self) -> bool:
        """Return True if Zeus made the slip."""
        return self.test.state is ApplicationState.ACCEPTED


@dataclass(frozen=True, slots=True)
class RunView:
    """A run as the page and the report show it."""

    found: OperationalTest
    tests: Sequence[TestView]
    checks: Sequence[Check]
    is_sending: bool
    is_live: bool
    """True while the page is to be refreshed."""

    @property
    def clientips(self) -> Sequence[str]:
        """Return the IPコード of the applications."""
        return sorted({one.clientip for one in self.found.tests if one.clientip})

    @property
    def begun_at(self) -> datetime | None:
        """Return when the first application was sent."""
        return min((one.sent_at for one in self.found.tests if one.sent_at), default=None)

    @property
    def ended_at(self) -> datetime | None:
        """Return when the last call or mail came."""
        tests = self.found.tests
        calls = [call.at for test in tests for call in test.calls]
        mails = [mail.at for test in tests for mail in test.mails]
        return max((at for at in (*calls, *mails) if at), default=None)


def view_of(found: OperationalTest, *, is_sending: bool) -> RunView:
    """Return the view of a run."""
    tests = [_test(one, found.at) for one in found.tests]
    under_way = any(one.state in _UNDER_WAY for one in found.tests)
    is_live = is_sending or under_way or any(one.is_awaited for one in tests)
    return RunView(found, tests, _checks(found), is_sending, is_live)


def _test(one: TestProgress, at: datetime) -> TestView:
    left = one.due_at + GRACE - at if one.due_at and not one.complete else None
    return TestView(one, left)


def _checks(found: OperationalTest) -> Sequence[Check]:
    tests = found.tests
    calls = [one for test in tests for one in test.calls]
    mails = [one for test in tests for one in test.mails]
    accepted = sum(test.state is ApplicationState.ACCEPTED for test in tests)
    shown = sum(test.numbers_shown for test in tests)
    checks = [
        Check(_("Applications sent and accepted"), accepted, len(tests)),
        Check(_("Result pages have what the customer needs"), shown, len(tests)),
        Check(_("Calls arrived as expected"), sum(one.is_right for one in calls), len(calls)),
    ]
    if found.mails_read:
        checks.append(Check(_("Mails arrived"), sum(one.is_right for one in mails), len(mails)))
    return checks
