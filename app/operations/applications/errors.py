"""Errors of applications, each named for its cause."""

from uuid import UUID

from app.applications.request import RequestFault
from app.operations.errors import NotFound, OperationError


class ApplicationNotFound(NotFound):
    """No application has this id."""

    def __init__(self) -> None:
        super().__init__("There is no application with this id.")


class ApplicationsNotConfigured(OperationError):
    """This process applies for nothing: RELAY_APPLICATION_URL is not set."""

    def __init__(self) -> None:
        super().__init__("The relay applies for no slips. Set RELAY_APPLICATION_URL.")


class RequestNotAcceptable(OperationError):
    """A request for a slip has faults; `faults` are all of them."""

    def __init__(self, faults: list[RequestFault]) -> None:
        super().__init__("The application was not sent, because values are not valid.")
        self.faults = faults


class SlipExists(OperationError):
    """An application with this sendid has a slip, or may have one; `application_id` is its id."""

    def __init__(self, application_id: UUID) -> None:
        super().__init__(
            "An application with this sendid is in force or unknown, and its slip can be paid. "
            "Name it in `replaces` to apply all the same."
        )
        self.application_id = application_id


class NotResolvable(OperationError):
    """The application's outcome is known, or its answer is awaited; `state` is its state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"The application is {state}. Only an unknown one can be resolved.")
        self.state = state
