"""What a page says about the action that led to it. A browser carries only the name, so it can make no page say anything else."""

from enum import StrEnum

from app.console.texts.labels import _


class Flash(StrEnum):
    """What was done, or could not be."""

    RELEASED = "released"
    SAMPLE_RELEASED = "sample_released"
    RETRIED = "retried"
    DISMISSED = "dismissed"
    ADDED = "added"
    PAUSED = "paused"
    RESUMED = "resumed"
    ERASED = "erased"
    ERASED_IN_PART = "erased_in_part"
    TOKEN_REVOKED = "token_revoked"  # noqa: S105 - the name of a message
    SIGNED_OUT = "signed_out"
    SIGN_IN_AGAIN = "sign_in_again"

    @property
    def words(self) -> str:
        """The sentence, for the catalogue."""
        return _WORDS[self]

    @property
    def tone(self) -> str:
        """How it feels."""
        return "warn" if self in _WARNING else "good"


_WARNING = (Flash.SIGN_IN_AGAIN, Flash.ERASED_IN_PART)
_WORDS = {
    Flash.RELEASED: _("The call was released. It is being judged now."),
    Flash.SAMPLE_RELEASED: _("The call was taken in. It is being judged now."),
    Flash.RETRIED: _("The webhook is being sent again."),
    Flash.DISMISSED: _("Dismissed. It is kept, and no longer asks for attention."),
    Flash.ADDED: _("The subscriber was added."),
    Flash.PAUSED: _("The subscriber is paused. What is owed to it is held."),
    Flash.RESUMED: _("The subscriber gets webhooks again, beginning with what was held."),
    Flash.ERASED: _("The personal data was erased from the database."),
    Flash.ERASED_IN_PART: _(
        "The personal data was erased, but calls that are not judged yet still hold some. Erase it again in a moment."
    ),
    Flash.TOKEN_REVOKED: _("The token was revoked. Within seconds nobody can use it any more."),
    Flash.SIGNED_OUT: _("You are signed out."),
    Flash.SIGN_IN_AGAIN: _("Your session has ended. Please sign in again."),
}


def flash_of(cookie: str | None) -> Flash | None:
    """What a cookie names, if anything."""
    return Flash(cookie) if cookie in list(Flash) else None
