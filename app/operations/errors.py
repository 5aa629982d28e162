"""Errors of reads and actions, each named for its cause.

The texts contain no value that a caller gave, so they may be shown and logged. FileNotReadable is
the exception.
"""

from app.reconciliation.reader import UnreadableFile


class OperationError(Exception):
    """Failed read or action of an operator. The text names the cause and, if any, the remedy."""


class NotFound(OperationError):
    """The object does not exist."""


class SubscriberNotFound(NotFound):
    """No subscriber has this name, or it was removed."""

    def __init__(self) -> None:
        super().__init__("There is no subscriber with this name.")


class OrderNotFound(NotFound):
    """Neither an order nor any judged notice has this order_no."""

    def __init__(self) -> None:
        super().__init__("No call with this order_no has been judged.")


class NoticeNotFound(NotFound):
    """No notice has this id."""

    def __init__(self) -> None:
        super().__init__("There is no notice with this id.")


class EventNotFound(NotFound):
    """No event has this id."""

    def __init__(self) -> None:
        super().__init__("There is no event with this id.")


class WebhookNotFound(NotFound):
    """No outbound webhook has this id."""

    def __init__(self) -> None:
        super().__init__("There is no outbound webhook with this id.")


class RecoveryNotFound(NotFound):
    """No recovery has this id."""

    def __init__(self) -> None:
        super().__init__("There is no recovery with this id.")


class ReconciliationNotFound(NotFound):
    """No reconciliation has this id, or it was pruned."""

    def __init__(self) -> None:
        super().__init__("There is no reconciliation with this id.")


class SampleNotFound(NotFound):
    """No rejected sample has this id, or a newer one has replaced it."""

    def __init__(self) -> None:
        super().__init__("There is no rejected sample with this id.")


class ReviewNotFound(NotFound):
    """No review has this id."""

    def __init__(self) -> None:
        super().__init__("There is no review with this id.")


class UnwantedNotFound(NotFound):
    """This order or sendid is not marked as unwanted."""

    def __init__(self) -> None:
        super().__init__("It is not marked as unwanted.")


class TokenNotFound(NotFound):
    """No token has this name, or it was revoked."""

    def __init__(self) -> None:
        super().__init__("There is no token with this name.")


class NotAllowed(OperationError):
    """The operator's role is too low; the action needs the role `needed`."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"This needs the role {needed}.")
        self.needed = needed


class NotAcceptable(OperationError):
    """A given value is not valid; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class FileNotReadable(OperationError):
    """An uploaded file cannot be compared; `fault` has the reason, the line and the column.

    The text may repeat headings of the file, so it is shown to its sender alone.
    """

    def __init__(self, fault: UnreadableFile) -> None:
        super().__init__(str(fault))
        self.fault = fault


class FileNotKept(OperationError):
    """The disk does not take an uploaded file."""

    def __init__(self, error: OSError) -> None:
        super().__init__(f"The file could not be kept on disk: {error.strerror}.")


class FileTooLarge(OperationError):
    """An uploaded file is over the limit of `limit` bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__(f"The file is larger than {limit // 1024 // 1024} MiB. Split it.")
        self.limit = limit


class BadCursor(NotAcceptable):
    """The cursor was not made by this list."""

    def __init__(self) -> None:
        super().__init__(
            "cursor",
            "The cursor is not from this list. Omit it to start at the beginning.",
        )


class BadRange(NotAcceptable):
    """The range of days is empty or too long."""

    def __init__(self, reason: str) -> None:
        super().__init__("from", reason)


class ExportsBusy(OperationError):
    """As many exports run as may run at a time."""

    def __init__(self) -> None:
        super().__init__("Other exports are running. Try again when they have ended.")


class NameTaken(OperationError):
    """Another subscriber has this name."""

    def __init__(self) -> None:
        super().__init__("A subscriber with this name exists.")


class TokenNameTaken(OperationError):
    """Another token has this name."""

    def __init__(self) -> None:
        super().__init__("A token with this name exists. Revoke it first.")


class KeyReused(OperationError):
    """The Idempotency-Key belongs to another request, or the vault cannot open the kept answer."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request. Use a new one.")


class NotDismissible(OperationError):
    """The item needs no review, so it cannot be dismissed; `state` is its state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"It needs no review ({state}), so it cannot be dismissed.")
        self.state = state


class NotSettlable(OperationError):
    """The review is settled; `settlement` says how. Only `release` can follow another decision."""

    def __init__(self, settlement: str) -> None:
        super().__init__(f"The review is settled already ({settlement}).")
        self.settlement = settlement


class SubscriberPaused(OperationError):
    """The subscriber is paused, so it gets no webhook, not even a test."""

    def __init__(self) -> None:
        super().__init__("The subscriber is paused and gets no webhooks. Resume it first.")


class SubscriberPolls(OperationError):
    """The subscriber polls its feed, so it gets no webhook."""

    def __init__(self) -> None:
        super().__init__("The subscriber polls its feed and gets no webhooks.")


class TooManySecrets(OperationError):
    """Too many secrets are still valid: each webhook carries one signature per valid secret."""

    def __init__(self, valid: int) -> None:
        super().__init__(
            f"{valid} secrets are still valid. Rotate with an overlap of 0 to end them now, "
            "or wait until one expires."
        )
        self.valid = valid


class NotReleasable(OperationError):
    """The notice is not quarantined, or it cannot be judged; `reasons` are those of judging."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(f"The notice cannot be released: {', '.join(reasons)}.")
        self.reasons = reasons


class NotRetriable(OperationError):
    """The outbound webhook is neither pending nor dead, or it is in flight; `state` names it."""

    def __init__(self, state: str) -> None:
        super().__init__(
            f"The outbound webhook is {state}. Only a dead or pending one can be retried."
        )
        self.state = state


class NotCancellable(OperationError):
    """The recovery has ended; `state` is its final state."""

    def __init__(self, state: str) -> None:
        super().__init__(f"The recovery is {state}. Only a running one can be cancelled.")
        self.state = state
