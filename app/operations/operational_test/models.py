"""Values of an operational test: each test application, and what has arrived for it."""

from typing import Annotated
from uuid import UUID

from pydantic import Field

from app.applications.states import ApplicationState, TestKind
from app.operations.applications.models import SlipNumber, StoreOfApplication
from app.operations.models import Moment, Value


class TestCall(Value):
    """A call that must come for a test, and what it brought."""

    __test__ = False  # the names of these classes begin like a test of pytest

    status: Annotated[str, Field(examples=["04"])]
    name: Annotated[str, Field(examples=["入金済"])]
    at: Moment | None
    """Time of arrival; None as long as it has not come."""
    parameters: list[str]
    """Parameters that it had with a value."""
    empty: list[str]
    """Parameters that it had without a value."""
    absent: list[str]
    """Parameters of the manual that it should have and did not have.

    Personal ones need not be ordered from Zeus.
    """
    wrong: list[str]
    """Parameters whose value is not the one applied for."""

    @property
    def is_right(self) -> bool:
        """Return True if it came, with every parameter as applied for."""
        return self.at is not None and not self.absent and not self.wrong


class TestMail(Value):
    """A mail that must come for a test."""

    __test__ = False

    status: Annotated[str, Field(examples=["04"])]
    name: Annotated[str, Field(examples=["入金済"])]
    at: Moment | None
    believed: bool | None
    """False if its sender could not be proved; None as long as it has not come."""

    @property
    def is_right(self) -> bool:
        """Return True if it came and is believed."""
        return self.at is not None and bool(self.believed)


class TestProgress(Value):
    """One test application, and what has arrived for it."""

    __test__ = False

    store: StoreOfApplication
    kind: TestKind
    money: int
    sendid: str
    application_id: UUID | None
    """None as long as it was not sent."""
    state: ApplicationState | None
    order_no: str | None
    sent_at: Moment | None
    clientip: str | None
    payment_numbers: list[SlipNumber]
    payment_deadline: Annotated[str | None, Field(examples=["2026-12-31"])]
    numbers_shown: bool
    """True if the answer has what the result page needs: numbers or a link, and the deadline."""
    calls: list[TestCall]
    mails: list[TestMail]
    due_at: Moment | None
    """Time at which everything should have arrived; None before it was accepted."""
    complete: bool
    """True if the application was accepted and every call and mail has come as it must."""


class OperationalTest(Value):
    """A run of the operational test."""

    run: Annotated[str, Field(examples=["261127151355"])]
    at: Moment
    tests: list[TestProgress]
    mails_read: bool
    """False if no mail can arrive: then none is asked for."""
    due_at: Moment | None
    """Time at which the last outstanding call or mail should have come."""
    complete: bool
