"""States of a mail."""

from enum import StrEnum


class MailState(StrEnum):
    """State of a mail. The first is that of a mail that is kept but not read yet."""

    UNREAD = "unread"
    WAITING = "waiting"
    """It is believed, and its call has not come yet."""
    MATCHED = "matched"
    """A call says the same."""
    MISSING = "missing"
    """Its call has not come in time."""
    HEALED = "healed"
    """A notice was made of it, because its call had not come."""
    NOT_BELIEVED = "not_believed"
    """Nothing proves that it comes from Zeus, so it does nothing."""
    UNREADABLE = "unreadable"
    """A mail of Zeus without a usable order number, or one that is too large to read."""
    OTHER = "other"
    """No mail of Zeus about a payment."""
    CALL_FAILED = "call_failed"
    """It says that a call was not answered with 200."""
    DISMISSED = "dismissed"
    """Nothing follows from it: an operator said so, or it is a copy of another mail."""


BELIEVED = (MailState.WAITING, MailState.MATCHED, MailState.MISSING, MailState.HEALED)
"""States of mails that are believed and report a status."""
