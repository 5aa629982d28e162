"""Why something was refused, in words for the catalogue."""

from collections.abc import Mapping

from app.console.texts.labels import _
from app.operations import errors

_WORDS: Mapping[type[Exception], str] = {
    errors.SubscriberNotFound: _("There is no subscriber with this name."),
    errors.OrderNotFound: _("No call with this order number has been judged."),
    errors.NoticeNotFound: _("There is no such call."),
    errors.SampleNotFound: _("There is no such call any more. Somebody may have taken it in."),
    errors.WebhookNotFound: _("There is no such webhook."),
    errors.NameTaken: _("A subscriber with this name exists."),
    errors.TokenNotFound: _("There is no token with this name. Somebody may have revoked it."),
    errors.TokenNameTaken: _(
        "A token with this name exists. Choose another name, or revoke that one first."
    ),
    errors.SubscriberPaused: _(
        "The subscriber is paused and would be sent nothing; resume it first."
    ),
    errors.SubscriberPolls: _("The subscriber polls its feed and is sent nothing."),
    errors.TooManySecrets: _(
        "Too many earlier secrets are still valid; end them at once, or wait until one expires."
    ),
    errors.NotReleasable: _(
        "The call cannot be released: it is not in quarantine, or too much is missing in it to judge it."
    ),
    errors.NotRetriable: _(
        "The webhook is not waiting or given up any more; there is nothing to send again."
    ),
    errors.NotDismissible: _(
        "It needs no attention any more. Somebody may have dismissed it or acted on it."
    ),
}
_FIELDS: Mapping[str, str] = {
    "name": _("A name is 1 to 100 letters, digits, . _ and -, the first a letter, a digit or _."),
    "url": _(
        "Webhooks may not be sent to this address. It must begin with https:// and lead to a public address."
    ),
    "rate_limit": _("Give a whole number from 1 to 10,000, or nothing."),
    "max_in_flight": _("Give a whole number from 1 to 200, or nothing."),
    "timeout_ms": _("Give a number of seconds from 1 to 60, or nothing."),
}


def words_at(field: str) -> str:
    """The words for a field whose value cannot be used."""
    return _FIELDS.get(field, _("This cannot be used."))


def words_of(refused: Exception) -> str:
    """The words for a refusal; those of operating where we have none."""
    if isinstance(refused, errors.NotAcceptable):
        return _FIELDS.get(refused.field, str(refused))
    if isinstance(refused, errors.OperationError):
        return _WORDS.get(type(refused), str(refused))
    return _("This cannot be used.")
