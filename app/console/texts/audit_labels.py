"""English labels of the audit: actions, subjects, interfaces and roles."""

from collections.abc import Mapping

from app.console.texts.marking import _
from app.operations.access.permissions import Action, Role, Via

ACTIONS: Mapping[str, str] = {
    Action.NOTICE_RELEASED: _("Call released"),
    Action.NOTICE_DISMISSED: _("Call dismissed"),
    Action.SAMPLE_RELEASED: _("Rejected call recorded"),
    Action.SAMPLE_DISMISSED: _("Rejected call dismissed"),
    Action.REVIEW_SETTLED: _("Review settled"),
    Action.REVIEW_NOTED: _("Note written"),
    Action.ORDER_UNWANTED: _("Marked as unwanted"),
    Action.ORDER_WANTED: _("Mark as unwanted removed"),
    Action.WEBHOOK_RETRIED: _("Webhook retried"),
    Action.WEBHOOK_DISMISSED: _("Webhook dismissed"),
    Action.WEBHOOKS_RECOVERED: _("Recovery started"),
    Action.RECOVERY_CANCELLED: _("Recovery cancelled"),
    Action.ORDERS_RECONCILED: _("Orders reconciled"),
    Action.APPLICATION_SENT: _("Application sent"),
    Action.APPLICATION_RESOLVED: _("Application resolved"),
    Action.MAIL_HANDED_IN: _("Mail handed in"),
    Action.MAIL_HEALED: _("Lost call healed by its mail"),
    Action.MAIL_DISMISSED: _("Mail dismissed"),
    Action.SUBSCRIBER_PAUSED: _("Subscriber paused"),
    Action.SUBSCRIBER_RESUMED: _("Subscriber resumed"),
    Action.SUBSCRIBER_TESTED: _("Test sent"),
    Action.SPOOL_DRAINED: _("Spool drained"),
    Action.PERSONAL_DATA_SEEN: _("Personal data viewed"),
    Action.SUBSCRIBER_ADDED: _("Subscriber added"),
    Action.SUBSCRIBER_CHANGED: _("Subscriber changed"),
    Action.SUBSCRIBER_REMOVED: _("Subscriber removed"),
    Action.SUBSCRIBER_DECLARED: _("Subscriber applied from RELAY_SUBSCRIBERS"),
    Action.ORDER_ERASED: _("Personal data erased"),
    Action.SECRETS_RESEALED: _("Secrets re-encrypted"),
    Action.SECRET_ROTATED: _("Secret rotated"),
    Action.TOKEN_CREATED: _("Token created"),
    Action.TOKEN_REVOKED: _("Token revoked"),
}
SUBJECTS: Mapping[str, str] = {
    "order": _("Order"),
    "sendid": _("Purchase (sendid)"),
    "review": _("Review"),
    "notice": _("Call"),
    "sample": _("Rejected call"),
    "webhook": _("Webhook"),
    "event": _("Event"),
    "recovery": _("Recovery"),
    "reconciliation": _("Reconciliation"),
    "application": _("Application"),
    "mail": _("Mail"),
    "subscriber": _("Subscriber"),
    "token": _("Token"),
    "secrets": _("Secrets"),
    "spool": _("Spool"),
}
VIAS: Mapping[str, str] = {
    Via.API: _("through the API"),
    Via.CLI: _("on the command line"),
    Via.CONSOLE: _("in the console"),
    Via.SERVICE: _("automatically"),
}
ROLES: Mapping[str, str] = {
    Role.VIEWER: _("viewer"),
    Role.OPERATOR: _("operator"),
    Role.ADMIN: _("administrator"),
    Role.APPLICANT: _("applicant"),
    Role.MAILER: _("mailer"),
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "action": ACTIONS,
    "subject": SUBJECTS,
    "via": VIAS,
    "role": ROLES,
}
