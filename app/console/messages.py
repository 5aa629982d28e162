"""What a page says about the action that led to it. A browser carries only the name, so it can make no page say anything else."""

from enum import StrEnum

from app.console.labels import _


class Said(StrEnum):
    """What was done, or could not be."""

    RELEASED = "released"
    SAMPLE_RELEASED = "sample_released"
    RETRIED = "retried"
    DISMISSED = "dismissed"
    ADDED = "added"
    PAUSED = "paused"
    RESUMED = "resumed"
    SIGNED_OUT = "signed_out"
    SIGN_IN_AGAIN = "sign_in_again"

    @property
    def words(self) -> str:
        """The sentence, for the catalogue."""
        return _WORDS[self]

    @property
    def tone(self) -> str:
        """How it feels."""
        return "warn" if self is Said.SIGN_IN_AGAIN else "good"


_WORDS = {
    Said.RELEASED: _("The call was released. It is being judged now."),
    Said.SAMPLE_RELEASED: _("The call was taken in. It is being judged now."),
    Said.RETRIED: _("The webhook is being sent again."),
    Said.DISMISSED: _("Dismissed. It is kept, and no longer asks for attention."),
    Said.ADDED: _("The subscriber was added."),
    Said.PAUSED: _("The subscriber is paused. What is owed to it is held."),
    Said.RESUMED: _("The subscriber gets webhooks again, beginning with what was held."),
    Said.SIGNED_OUT: _("You are signed out."),
    Said.SIGN_IN_AGAIN: _("Your session has ended. Please sign in again."),
}


def said_of(cookie: str | None) -> Said | None:
    """What a cookie names, if anything."""
    return Said(cookie) if cookie in list(Said) else None
