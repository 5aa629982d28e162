"""Errors of mails, each named for its cause."""

from app.operations.errors import NotFound, OperationError


class NoSuchMail(NotFound):
    """No mail has this id."""

    def __init__(self) -> None:
        super().__init__("There is no mail with this id.")


class NotHealable(OperationError):
    """The mail's state does not allow a notice to be made of it, or its order is being judged."""

    def __init__(self, state: str) -> None:
        super().__init__(f"Only a believed mail without its call can be healed; it is {state}.")


class OrderBusy(OperationError):
    """Calls of the order's lane wait to be judged, and may make the healing needless."""

    def __init__(self) -> None:
        super().__init__("Calls that wait to be judged come first. Try again in a few seconds.")


class MailEnded(OperationError):
    """The mail needs no human any more; the text names its state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"There is nothing to dismiss; the mail is {state}.")
