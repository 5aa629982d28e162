"""Why a read or an action was refused, each named for the fact. The texts hold nothing that a caller gave: they may be shown and logged."""


class OperationError(Exception):
    """An operator asked for something that cannot be had or done; the text says why and, where there is one, the way out."""


class NotFound(OperationError):
    """What was asked for does not exist."""


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


class SampleNotFound(NotFound):
    """No rejected sample has this id, or a later one took its place."""

    def __init__(self) -> None:
        super().__init__("There is no rejected sample with this id.")


class TokenNotFound(NotFound):
    """No token has this name, or it was revoked."""

    def __init__(self) -> None:
        super().__init__("There is no token with this name.")


class NotAllowed(OperationError):
    """The operator's role may not do this; `needed` may."""

    def __init__(self, needed: str) -> None:
        super().__init__(f"This takes the role {needed}.")
        self.needed = needed


class NotAcceptable(OperationError):
    """A value that was given cannot be used; `field` names it."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(reason)
        self.field = field


class BadCursor(NotAcceptable):
    """The cursor was not made by this list."""

    def __init__(self) -> None:
        super().__init__(
            "cursor",
            "The cursor was not made by this list; leave it out to start at the beginning.",
        )


class NameTaken(OperationError):
    """Another subscriber has this name."""

    def __init__(self) -> None:
        super().__init__("A subscriber with this name exists.")


class TokenNameTaken(OperationError):
    """Another token has this name."""

    def __init__(self) -> None:
        super().__init__("A token with this name exists; revoke it first.")


class KeyReused(OperationError):
    """An Idempotency-Key came with another request than before, or with one whose answer cannot be opened any more."""

    def __init__(self) -> None:
        super().__init__("This Idempotency-Key belongs to another request; use a new one.")


class NotDismissible(OperationError):
    """What does not ask for attention cannot be dismissed from it; `state` is what it is."""

    def __init__(self, state: str) -> None:
        super().__init__(f"It needs no attention ({state}) and cannot be dismissed.")
        self.state = state


class SubscriberPaused(OperationError):
    """A paused subscriber is sent nothing, a test included."""

    def __init__(self) -> None:
        super().__init__("The subscriber is paused and would be sent nothing; resume it first.")


class SubscriberPolls(OperationError):
    """A subscriber with a feed is sent nothing."""

    def __init__(self) -> None:
        super().__init__("The subscriber polls its feed and is sent nothing.")


class TooManySecrets(OperationError):
    """So many secrets are still valid that every webhook would carry a long list of signatures."""

    def __init__(self, valid: int) -> None:
        super().__init__(
            f"{valid} secrets are still valid; rotate with an overlap of 0 to end them at once, or wait until one expires."
        )
        self.valid = valid


class NotReleasable(OperationError):
    """A notice that is not in quarantine, or in which nothing can be judged; `reasons` as judging names them."""

    def __init__(self, reasons: tuple[str, ...]) -> None:
        super().__init__(f"The notice cannot be released: {', '.join(reasons)}.")
        self.reasons = reasons


class NotRetriable(OperationError):
    """An outbound webhook that is neither pending nor dead, or under way this moment; `state` is what it is."""

    def __init__(self, state: str) -> None:
        super().__init__(
            f"The outbound webhook is {state}; only one that is dead or waits can be retried."
        )
        self.state = state


class NotCancellable(OperationError):
    """A recovery that has ended; `state` is how."""

    def __init__(self, state: str) -> None:
        super().__init__(f"The recovery is {state}; only one that is running can be cancelled.")
        self.state = state
