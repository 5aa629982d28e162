"""English labels of mails: states, kinds, ways in, and reasons for belief."""

from collections.abc import Mapping

from app.console.texts.marking import _
from app.mailbox.authentication import BeliefReason
from app.mailbox.rows import COPY, NOT_CALLED, OLD
from app.mailbox.states import MailState
from app.operations.mails.models import MailKindName

STATES: Mapping[str, str] = {
    MailState.UNREAD: _("Not read yet"),
    MailState.WAITING: _("Waits for its call"),
    MailState.MATCHED: _("Matched"),
    MailState.MISSING: _("Call missing"),
    MailState.HEALED: _("Call made up for"),
    MailState.NOT_BELIEVED: _("Not believed"),
    MailState.UNREADABLE: _("Cannot be read"),
    MailState.OTHER: _("Not about a payment"),
    MailState.CALL_FAILED: _("A call failed"),
    MailState.DISMISSED: _("Dismissed"),
}
MAIL_KINDS: Mapping[str, str] = {
    MailKindName.ACCEPTED: _("Application accepted"),
    MailKindName.FAILED: _("Application failed"),
    MailKindName.PAID: _("Payment received"),
    MailKindName.CONFIRMED: _("Payment confirmed"),
    MailKindName.REVERSED: _("Payment reversed"),
    MailKindName.PAID_AFTER_CANCEL: _("Cancelled order was paid"),
    MailKindName.CONFIRMED_AFTER_CANCEL: _("Payment of cancelled order confirmed"),
    MailKindName.REVERSED_AFTER_CANCEL: _("Payment of cancelled order reversed"),
    MailKindName.CALL_FAILED: _("A call failed"),
}
MAIL_VIAS: Mapping[str, str] = {
    "mailbox": _("read in the mailbox"),
    "api": _("handed in through the API"),
    "import": _("handed in on the command line"),
    "console": _("handed in in the console"),
}
BELIEFS: Mapping[str, str] = {
    BeliefReason.DKIM: _("A DKIM signature of Zeus's domain is valid"),
    BeliefReason.ARC: _("A named forwarder says that it was valid on arrival (ARC)"),
    BeliefReason.RESULTS: _("Your own mail server says that it is valid"),
    BeliefReason.NO_RULES: _("No domain is set that is believed"),
    BeliefReason.TOO_LARGE: _("The message is too large to read"),
    BeliefReason.MALFORMED: _("The header of the message is malformed"),
    BeliefReason.TWICE: _("A field that must be there once is there twice"),
    BeliefReason.NO_SENDER: _("The message names no sender"),
    BeliefReason.OTHER_SENDER: _("The sender is of another domain"),
    BeliefReason.UNSIGNED: _("No signature of Zeus's domain"),
    BeliefReason.BODY_PART: _("The signature covers only a part of the message"),
    BeliefReason.NOT_VALID: _("A signature is not valid"),
    BeliefReason.DNS_FAILED: _("The keys of the sender could not be looked up"),
    "ip_codes_not_set": _("No IP code of yours is set"),
    "unknown_ip_code": _("Not our IP code"),
    "not_a_message": _("It is no mail that can be taken apart"),
}
FLAGS: Mapping[str, str] = {
    COPY: _("Copy of another mail"),
    OLD: _("Older than all that is known"),
    NOT_CALLED: _("Zeus makes no call for it"),
    "unwritable": _("The database refused its values"),
}
REMEDIES: Mapping[str, str] = {
    BeliefReason.NO_RULES: _("Set `RELAY_MAIL_DOMAINS` to the domain that Zeus names."),
    BeliefReason.OTHER_SENDER: _(
        "If Zeus's mails come from this domain, add it to `RELAY_MAIL_DOMAINS`."
    ),
    **dict.fromkeys(
        (BeliefReason.UNSIGNED, BeliefReason.NOT_VALID, BeliefReason.BODY_PART),
        _(
            "Something between Zeus and here changes mails. Let Zeus send to this mailbox "
            "directly, or name your mail server in `RELAY_MAIL_AUTHSERV_IDS` or the forwarder in "
            "`RELAY_MAIL_FORWARDERS`."
        ),
    ),
    BeliefReason.DNS_FAILED: _("Check that the worker can ask a name server."),
    "ip_codes_not_set": _("Set `RELAY_IP_CODES`."),
    "unknown_ip_code": _("If the IP code is yours, add it to `RELAY_IP_CODES`."),
}
"""What to do about mails that are not believed for a reason. Nothing for one that looks forged."""

KINDS: Mapping[str, Mapping[str, str]] = {
    "mail": STATES,
    "mail_kind": MAIL_KINDS,
    "mail_via": MAIL_VIAS,
    "belief": BELIEFS,
    "mail_flag": FLAGS,
}
TONES: Mapping[str, str] = {
    MailState.UNREAD: "quiet",
    MailState.WAITING: "half",
    MailState.MATCHED: "good",
    MailState.MISSING: "bad",
    MailState.HEALED: "good",
    MailState.NOT_BELIEVED: "warn",
    MailState.UNREADABLE: "warn",
    MailState.CALL_FAILED: "bad",
}
