"""Error messages of the console, as catalogue keys."""

from collections.abc import Mapping

from app.console.texts.labels import _
from app.operations import errors
from app.operations.applications import errors as application_errors
from app.operations.mails import errors as mail_errors

_WORDS: Mapping[type[Exception], str] = {
    errors.SubscriberNotFound: _("There is no subscriber with this name."),
    errors.OrderNotFound: _("No call with this order number has been judged."),
    errors.NoticeNotFound: _("There is no such call."),
    errors.ReviewNotFound: _("There is no such review."),
    errors.UnwantedNotFound: _("It is not marked as unwanted."),
    errors.NotSettlable: _("The review is settled already. Another operator may have settled it."),
    errors.SampleNotFound: _("This call no longer exists. Another operator may have recorded it."),
    errors.WebhookNotFound: _("There is no such webhook."),
    errors.NameTaken: _("A subscriber with this name already exists."),
    errors.TokenNotFound: _(
        "There is no token with this name. Another administrator may have revoked it."
    ),
    errors.TokenNameTaken: _(
        "A token with this name already exists. Choose another name, or revoke that token first."
    ),
    errors.SubscriberPaused: _("The subscriber is paused and receives nothing. Resume it first."),
    errors.SubscriberPolls: _("The subscriber polls its feed; no webhooks are sent to it."),
    errors.TooManySecrets: _(
        "Too many earlier secrets are still valid. End them immediately, or wait until one expires."
    ),
    errors.NotReleasable: _(
        "The call cannot be released: it is not in quarantine, "
        "or it lacks parameters that judging needs."
    ),
    errors.ReconciliationNotFound: _("There is no such reconciliation, or it is too old."),
    errors.FileTooLarge: _("The file is larger than 256 MiB. Split it."),
    errors.FileNotKept: _("The disk of zeus-relay does not take the file. It may be full."),
    errors.NotRetriable: _("The webhook is no longer pending or dead, so it cannot be retried."),
    errors.ExportsBusy: _("Other files are being sent. Try again in a moment."),
    application_errors.ApplicationNotFound: _("There is no such application."),
    application_errors.ApplicationsNotConfigured: _(
        "zeus-relay applies for nothing, because `RELAY_APPLICATION_URL` is not set."
    ),
    application_errors.SlipExists: _(
        "This purchase already has a slip that can be paid, or may have one."
    ),
    application_errors.NotResolvable: _(
        "Its outcome is known. Another operator or a call may have resolved it."
    ),
    mail_errors.NoSuchMail: _("There is no such mail."),
    mail_errors.NotHealable: _(
        "Its call cannot be made up for: it has come, or the mail is not believed."
    ),
    mail_errors.OrderBusy: _(
        "Calls that wait to be judged come first. Try again in a few seconds."
    ),
    mail_errors.MailEnded: _("It no longer needs attention. Another operator may have handled it."),
    errors.KeyReused: _("This form was sent before with other values. Fill in a new one."),
    errors.NotDismissible: _("It no longer needs attention. Another operator may have handled it."),
}
_FIELDS: Mapping[str, str] = {
    "name": _(
        "A name has 1 to 100 letters, digits, . _ and -. The first is a letter, a digit or _."
    ),
    "url": _(
        "Webhooks cannot be sent to this URL. "
        "It must begin with https:// and resolve to a public address."
    ),
    "rate_limit": _("Enter a whole number from 1 to 10,000, or leave it empty."),
    "max_in_flight": _("Enter a whole number from 1 to 200, or leave it empty."),
    "from": _("Choose 1 to 400 days; the first day must not be later than the last."),
    "timeout_ms": _("Enter a number of seconds from 1 to 60, or leave it empty."),
}


def words_at(field: str) -> str:
    """Return the message for a field with an invalid value."""
    return _FIELDS.get(field, _("This value is invalid."))


def words_of(error: Exception) -> str:
    """Return the message for an error; its own text if the catalogue has none."""
    if isinstance(error, errors.NotAcceptable):
        return _FIELDS.get(error.field, str(error))
    if isinstance(error, errors.OperationError):
        return _WORDS.get(type(error), str(error))
    return _("This value is invalid.")
