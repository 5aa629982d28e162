"""Flash messages: one sentence about the action that led to a page.

The cookie carries only the message's name, so a browser cannot inject another text.
"""

from enum import StrEnum

from app.console.texts.labels import _


class Flash(StrEnum):
    """A message about a finished action."""

    RELEASED = "released"
    SAMPLE_RELEASED = "sample_released"
    RETRIED = "retried"
    DISMISSED = "dismissed"
    SETTLED = "settled"
    NOTED = "noted"
    UNWANTED = "unwanted"
    WANTED = "wanted"
    APPLIED = "applied"
    RESOLVED = "resolved"
    HEALED = "healed"
    MAILS_KEPT = "mails_kept"
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
        """Return the sentence, as a catalogue key."""
        return _WORDS[self]

    @property
    def tone(self) -> str:
        """Return the tone: `good` or `warn`."""
        return "warn" if self in _WARNING else "good"


_WARNING = (Flash.SIGN_IN_AGAIN, Flash.ERASED_IN_PART)
_WORDS = {
    Flash.RELEASED: _("The call was released. It is being judged now."),
    Flash.SAMPLE_RELEASED: _("The call was recorded. It is being judged now."),
    Flash.RETRIED: _("The webhook is being retried."),
    Flash.DISMISSED: _("Dismissed. The record stays, but needs no attention."),
    Flash.SETTLED: _("The decision was recorded."),
    Flash.NOTED: _("The note was added."),
    Flash.UNWANTED: _("The order is marked as cancelled by you. Its slip can still be paid."),
    Flash.WANTED: _("The mark was removed. Reviews that it opened stay open."),
    Flash.APPLIED: _("Zeus made the slip."),
    Flash.RESOLVED: _("The outcome was recorded."),
    Flash.HEALED: _("The lost call was made up for and judged."),
    Flash.MAILS_KEPT: _("The messages were kept. A worker reads them within seconds."),
    Flash.ADDED: _("The subscriber was added."),
    Flash.PAUSED: _("The subscriber is paused. Its webhooks stay pending."),
    Flash.RESUMED: _("The subscriber is resumed, starting with its pending webhooks."),
    Flash.ERASED: _("The personal data was erased from the database."),
    Flash.ERASED_IN_PART: _(
        "The personal data was erased, except in calls that are not judged yet. "
        "Erase it again in a moment."
    ),
    Flash.TOKEN_REVOKED: _("The token was revoked. Every process rejects it within seconds."),
    Flash.SIGNED_OUT: _("You are signed out."),
    Flash.SIGN_IN_AGAIN: _("Your session has ended. Please sign in again."),
}


def flash_of(cookie: str | None) -> Flash | None:
    """Return the message that a cookie names, or None."""
    return Flash(cookie) if cookie in list(Flash) else None
