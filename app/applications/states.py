"""States of an application, and the kinds of test."""

from collections.abc import Mapping
from enum import StrEnum
from typing import Final


class ApplicationState(StrEnum):
    """State of an application: what is known about its slip."""

    SENDING = "sending"
    """Recorded, and on its way to Zeus."""
    ACCEPTED = "accepted"
    """Zeus made a slip."""
    FAILED = "failed"
    """Zeus made no slip, and said why."""
    REJECTED = "rejected"
    """Zeus refused a parameter and made no slip."""
    NOT_SENT = "not_sent"
    """Nothing reached Zeus."""
    UNKNOWN = "unknown"
    """It may have reached Zeus. It is never sent again."""


class TestKind(StrEnum):
    """What Zeus plays after a test application."""

    __test__ = False  # the name begins like a test of pytest

    UNPAID = "unpaid"
    """The application alone."""
    CONFIRMED = "confirmed"
    """A payment and its confirmation, 04 and 05."""
    REVERSED = "reversed"
    """A payment that is taken back, 04 and 06."""


TEST_TYPES: Final[Mapping[TestKind, str]] = {
    TestKind.UNPAID: "0",
    TestKind.CONFIRMED: "1",
    TestKind.REVERSED: "2",
}
"""Parameter test_type of each kind (manual, test)."""

BY_ANSWER: Final = "answer"
"""`resolved_by` of an unknown application whose answer came late."""
