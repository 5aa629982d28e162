"""Words for the codes that operators meet: states, events, verdicts, reasons, outcomes. Other languages are in the catalogues."""

from collections.abc import Mapping

from app.events.types import EventType, OrderState
from app.forwarding.outcome import OutcomeKind
from app.forwarding.subscribers.health import FAILING_REASON, GONE_REASON
from app.judging.rules import Verdict
from app.operations.access.permissions import Action, Role, Via
from app.operations.deliveries.webhooks import WebhookState
from app.operations.doctor.onboarding import Way
from app.operations.subscribers.models import SubscriberState


def _(text: str) -> str:
    """Marks a text for the catalogue; it is translated when a page is made."""
    return text


ORDER_STATES: Mapping[str, str] = {
    OrderState.AWAITING_PAYMENT: _("Awaiting payment"),
    OrderState.FAILED: _("Application failed"),
    OrderState.EXPIRED: _("Deadline passed"),
    OrderState.PAID: _("Paid, not yet confirmed"),
    OrderState.CONFIRMED: _("Confirmed"),
    OrderState.REVERSED: _("Payment taken back"),
    OrderState.PAID_AFTER_CANCEL: _("Paid after cancellation, not yet confirmed"),
    OrderState.CONFIRMED_AFTER_CANCEL: _("Confirmed after cancellation"),
    OrderState.REVERSED_AFTER_CANCEL: _("Payment taken back after cancellation"),
}
EVENT_TYPES: Mapping[str, str] = {
    EventType.ORDER_ACCEPTED: _("Order accepted"),
    EventType.ORDER_FAILED: _("Application failed"),
    EventType.ORDER_EXPIRED: _("Deadline passed"),
    EventType.PAYMENT_RECEIVED: _("Payment received"),
    EventType.PAYMENT_CONFIRMED: _("Payment confirmed"),
    EventType.PAYMENT_REVERSED: _("Payment taken back"),
    EventType.CANCELLED_ORDER_PAYMENT_RECEIVED: _("Cancelled order was paid"),
    EventType.CANCELLED_ORDER_PAYMENT_CONFIRMED: _("Payment of cancelled order confirmed"),
    EventType.CANCELLED_ORDER_PAYMENT_REVERSED: _("Payment of cancelled order taken back"),
    EventType.REVIEW_REQUIRED: _("Somebody must look at it"),
    EventType.WEBHOOK_TEST: _("Test"),
    EventType.SUBSCRIBER_FAILING: _("Subscriber failing"),
    EventType.SUBSCRIBER_PAUSED: _("Subscriber paused for failing"),
    EventType.SUBSCRIBER_RECOVERED: _("Subscriber recovered"),
    EventType.OUTBOUND_DEAD: _("Webhook given up"),
}
VERDICTS: Mapping[str, str] = {
    Verdict.ACCEPTED: _("Accepted"),
    Verdict.DUPLICATE: _("Repetition"),
    Verdict.CONFLICT: _("Conflict"),
    Verdict.QUARANTINED: _("Quarantined"),
    "unjudged": _("Not judged yet"),
}
WEBHOOK_STATES: Mapping[str, str] = {
    WebhookState.PENDING: _("Waiting"),
    WebhookState.DELIVERED: _("Delivered"),
    WebhookState.DEAD: _("Given up"),
    WebhookState.CANCELLED: _("Cancelled"),
}
SUBSCRIBER_STATES: Mapping[str, str] = {
    SubscriberState.ACTIVE: _("Active"),
    SubscriberState.PAUSED: _("Paused"),
    SubscriberState.REMOVED: _("Removed"),
}
OUTCOMES: Mapping[str, str] = {
    OutcomeKind.DELIVERED: _("Delivered"),
    OutcomeKind.DNS: _("The host name cannot be found"),
    OutcomeKind.REFUSED: _("The connection was refused"),
    OutcomeKind.UNREACHABLE: _("The host cannot be reached"),
    OutcomeKind.TLS: _("No secure connection: certificate or TLS"),
    OutcomeKind.TIMEOUT: _("No answer in time"),
    OutcomeKind.RESET: _("The connection broke off"),
    OutcomeKind.BAD_RESPONSE: _("The answer was no proper HTTP"),
    OutcomeKind.REDIRECT: _("Redirected elsewhere, which is not followed"),
    OutcomeKind.HTTP_4XX: _("Refused by the subscriber"),
    OutcomeKind.HTTP_5XX: _("Error on the subscriber's side"),
    OutcomeKind.GONE: _("The subscriber wants no more webhooks (410)"),
    OutcomeKind.TOO_MANY_REQUESTS: _("Too many at once for the subscriber (429)"),
    OutcomeKind.DESTINATION_REFUSED: _("The address is not allowed"),
    OutcomeKind.OWN_SIDE: _("Trouble on our own side"),
}
REASONS: Mapping[str, str] = {
    "missing_order_no": _("There is no order number"),
    "unusable_order_no": _("The order number is too long"),
    "missing_status": _("There is no status"),
    "unknown_status": _("The status is not one of Zeus's"),
    "unknown_ip_code": _("The IP code is not ours"),
    "repeated_key": _("Given more than once"),
    "differs": _("Differs from the earlier call"),
    "cut": _("The end was too long to be kept"),
    "late": _("Late: overtaken by a later call"),
    "gap": _("An expected call was never seen"),
    "contradiction": _("Contradicts what came before"),
    "released": _("Released by an operator"),
    "repeat_unclear": _("Possibly a repetition"),
    "unreadable": _("Not of the expected form"),
    "unknown_store": _("Unknown store"),
    "unknown_key": _("Unknown parameters"),
    "truncated": _("Last character cut in half"),
    "undecodable": _("Bytes of no known encoding"),
    "oversize": _("Longer than allowed"),
    "trimmed": _("Blanks or invisible characters around it"),
    "full_width": _("Full-width characters"),
    "unusual": _("Characters that the manual does not know there"),
    "invisible": _("A blank or an invisible character inside"),
}
PAUSE_REASONS: Mapping[str, str] = {
    "operator": _("paused by an operator"),
    GONE_REASON: _("Its answer was 410 Gone"),
    FAILING_REASON: _("It failed for too long"),
}
ACTIONS: Mapping[str, str] = {
    Action.NOTICE_RELEASED: _("Call released"),
    Action.NOTICE_DISMISSED: _("Call dismissed"),
    Action.SAMPLE_RELEASED: _("Rejected call taken in"),
    Action.SAMPLE_DISMISSED: _("Rejected call dismissed"),
    Action.WEBHOOK_RETRIED: _("Webhook sent again"),
    Action.WEBHOOK_DISMISSED: _("Webhook dismissed"),
    Action.WEBHOOKS_RECOVERED: _("Missed webhooks sent again"),
    Action.RECOVERY_CANCELLED: _("Sending again stopped"),
    Action.SUBSCRIBER_PAUSED: _("Subscriber paused"),
    Action.SUBSCRIBER_RESUMED: _("Subscriber resumed"),
    Action.SUBSCRIBER_TESTED: _("Test sent"),
    Action.SPOOL_DRAINED: _("Spool drained"),
    Action.PERSONAL_DATA_SEEN: _("Personal data seen"),
    Action.SUBSCRIBER_ADDED: _("Subscriber added"),
    Action.SUBSCRIBER_CHANGED: _("Subscriber changed"),
    Action.SUBSCRIBER_REMOVED: _("Subscriber removed"),
    Action.SUBSCRIBER_DECLARED: _("Subscriber applied as the settings declare it"),
    Action.ORDER_ERASED: _("Personal data erased"),
    Action.SECRETS_RESEALED: _("Secrets encrypted anew"),
    Action.SECRET_ROTATED: _("Secret renewed"),
    Action.TOKEN_CREATED: _("Token created"),
    Action.TOKEN_REVOKED: _("Token revoked"),
}
SUBJECTS: Mapping[str, str] = {
    "order": _("Order"),
    "notice": _("Call"),
    "sample": _("Rejected call"),
    "webhook": _("Webhook"),
    "event": _("Event"),
    "recovery": _("Recovery"),
    "subscriber": _("Subscriber"),
    "token": _("Token"),
    "secrets": _("Secrets"),
    "spool": _("Spool"),
}
VIAS: Mapping[str, str] = {
    Via.API: _("by the API"),
    Via.CLI: _("on the command line"),
    Via.CONSOLE: _("in the console"),
    Via.SERVICE: _("by itself"),
}
ROLES: Mapping[str, str] = {
    Role.VIEWER: _("viewer"),
    Role.OPERATOR: _("operator"),
    Role.ADMIN: _("administrator"),
}
WAYS: Mapping[str, str] = {
    Way.PAID: _("Send an application with testid and test_type=1."),
    Way.CONFIRMED: _(
        "Comes within 30 minutes of 04 after an application with testid and test_type=1."
    ),
    Way.REVERSED: _(
        "Comes within 30 minutes of 04 after an application with testid and test_type=2."
    ),
    Way.IF_ORDERED: _("Only if you ordered it from Zeus; a test does not bring it about."),
    Way.SIMULATED: _("A test does not bring it about; `zeus-relay simulate` does."),
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "order": ORDER_STATES,
    "event": EVENT_TYPES,
    "verdict": VERDICTS,
    "webhook": WEBHOOK_STATES,
    "subscriber": SUBSCRIBER_STATES,
    "outcome": OUTCOMES,
    "reason": REASONS,
    "pause": PAUSE_REASONS,
    "action": ACTIONS,
    "subject": SUBJECTS,
    "via": VIAS,
    "role": ROLES,
    "way": WAYS,
}

TONES: Mapping[str, str] = {
    OrderState.AWAITING_PAYMENT: "quiet",
    OrderState.PAID: "half",
    OrderState.CONFIRMED: "good",
    OrderState.PAID_AFTER_CANCEL: "warn",
    OrderState.CONFIRMED_AFTER_CANCEL: "warn",
    OrderState.REVERSED: "warn",
    OrderState.REVERSED_AFTER_CANCEL: "warn",
    OrderState.FAILED: "bad",
    OrderState.EXPIRED: "quiet",
    Verdict.ACCEPTED: "good",
    Verdict.DUPLICATE: "quiet",
    Verdict.CONFLICT: "bad",
    Verdict.QUARANTINED: "bad",
    "unjudged": "quiet",
    WebhookState.PENDING: "warn",
    WebhookState.DELIVERED: "good",
    WebhookState.DEAD: "bad",
    WebhookState.CANCELLED: "quiet",
    SubscriberState.ACTIVE: "good",
    SubscriberState.PAUSED: "warn",
}
"""How a state feels: good, warn, bad or quiet. It colours a mark beside the word, never instead of it."""


def label_of(kind: str, code: str) -> tuple[str, str]:
    """The words for a code and what stands behind its colon (a parameter's name); a code without words, as a typed reason, is itself."""
    name, _, about = code.partition(":")
    words = KINDS[kind].get(name)
    return (words, about) if words is not None else (code, "")


def tone_of(code: str) -> str:
    """The tone of a state; quiet for one that has none."""
    return TONES.get(code, "quiet")
