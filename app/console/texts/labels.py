"""English labels of codes: states, events, verdicts, reasons, outcomes, actions, roles."""

from collections.abc import Mapping

from app.console.texts import application_labels, audit_labels, mail_labels
from app.console.texts.marking import _ as _
from app.events.types import EventType, OrderState
from app.forwarding.outcome import OutcomeKind
from app.forwarding.subscribers.health import FAILING_REASON, GONE_REASON
from app.judging.event_data import Source
from app.judging.verdicts import Verdict
from app.operations.deliveries.models import WebhookState
from app.operations.doctor.onboarding import Way
from app.operations.orders.real_or_test import WithTests
from app.operations.subscribers.models import SubscriberState
from app.order_life.reviews import HOLDING, Reason, Settlement
from app.reconciliation.comparison import Outcome
from app.reconciliation.progress import ReconciliationState

ORDER_STATES: Mapping[str, str] = {
    OrderState.AWAITING_PAYMENT: _("Awaiting payment"),
    OrderState.EXPIRY_PRESUMED: _("Deadline passed, not reported"),
    OrderState.FAILED: _("Application failed"),
    OrderState.EXPIRED: _("Deadline passed"),
    OrderState.PAID: _("Paid, not yet confirmed"),
    OrderState.CONFIRMED: _("Confirmed"),
    OrderState.REVERSED: _("Payment reversed"),
    OrderState.PAID_AFTER_CANCEL: _("Paid after cancellation, not yet confirmed"),
    OrderState.CONFIRMED_AFTER_CANCEL: _("Confirmed after cancellation"),
    OrderState.REVERSED_AFTER_CANCEL: _("Payment reversed after cancellation"),
}
EVENT_TYPES: Mapping[str, str] = {
    EventType.ORDER_ACCEPTED: _("Order accepted"),
    EventType.ORDER_FAILED: _("Application failed"),
    EventType.ORDER_EXPIRED: _("Deadline passed"),
    EventType.PAYMENT_RECEIVED: _("Payment received"),
    EventType.PAYMENT_CONFIRMED: _("Payment confirmed"),
    EventType.PAYMENT_REVERSED: _("Payment reversed"),
    EventType.CANCELLED_ORDER_PAYMENT_RECEIVED: _("Cancelled order was paid"),
    EventType.CANCELLED_ORDER_PAYMENT_CONFIRMED: _("Payment of cancelled order confirmed"),
    EventType.CANCELLED_ORDER_PAYMENT_REVERSED: _("Payment of cancelled order reversed"),
    EventType.ORDER_EXPIRY_PRESUMED: _("Deadline passed, not reported"),
    EventType.ORDER_RELEASED: _("Goods released"),
    EventType.ORDER_RELEASE_REVOKED: _("Release of goods revoked"),
    EventType.REVIEW_REQUIRED: _("Review required"),
    EventType.REVIEW_SETTLED: _("Review settled"),
    EventType.WEBHOOK_TEST: _("Test"),
    EventType.SUBSCRIBER_FAILING: _("Subscriber failing"),
    EventType.SUBSCRIBER_PAUSED: _("Subscriber paused after failures"),
    EventType.SUBSCRIBER_RECOVERED: _("Subscriber recovered"),
    EventType.OUTBOUND_DEAD: _("Webhook dead"),
}
VERDICTS: Mapping[str, str] = {
    Verdict.ACCEPTED: _("Accepted"),
    Verdict.DUPLICATE: _("Duplicate"),
    Verdict.CONFLICT: _("Conflict"),
    Verdict.QUARANTINED: _("Quarantined"),
    "unjudged": _("Not judged yet"),
}
WEBHOOK_STATES: Mapping[str, str] = {
    WebhookState.PENDING: _("Pending"),
    WebhookState.DELIVERED: _("Delivered"),
    WebhookState.DEAD: _("Dead"),
    WebhookState.CANCELLED: _("Cancelled"),
}
SUBSCRIBER_STATES: Mapping[str, str] = {
    SubscriberState.ACTIVE: _("Active"),
    SubscriberState.PAUSED: _("Paused"),
    SubscriberState.REMOVED: _("Removed"),
}
OUTCOMES: Mapping[str, str] = {
    OutcomeKind.DELIVERED: _("Delivered"),
    OutcomeKind.DNS: _("Host name not found"),
    OutcomeKind.REFUSED: _("Connection refused"),
    OutcomeKind.UNREACHABLE: _("Host unreachable"),
    OutcomeKind.TLS: _("TLS or certificate error"),
    OutcomeKind.TIMEOUT: _("Timeout"),
    OutcomeKind.RESET: _("Connection reset"),
    OutcomeKind.BAD_RESPONSE: _("Invalid HTTP response"),
    OutcomeKind.REDIRECT: _("Redirect, which is not followed"),
    OutcomeKind.HTTP_4XX: _("Rejected by the subscriber"),
    OutcomeKind.HTTP_5XX: _("Error on the subscriber's side"),
    OutcomeKind.GONE: _("The subscriber accepts no more webhooks (410)"),
    OutcomeKind.TOO_MANY_REQUESTS: _("The subscriber's rate limit is reached (429)"),
    OutcomeKind.DESTINATION_REFUSED: _("Address not allowed"),
    OutcomeKind.OWN_SIDE: _("Internal error of zeus-relay"),
}
REASONS: Mapping[str, str] = {
    "missing_order_no": _("Order number missing"),
    "unusable_order_no": _("Order number too long"),
    "missing_status": _("Status missing"),
    "unknown_status": _("Unknown status"),
    "unknown_ip_code": _("Not our IP code"),
    "reference_forged": _("Reference forged"),
    "reference_missing": _("Reference missing"),
    "amount_differs": _("Amount differs from the application"),
    "application_missing": _("The application is not in this database"),
    "repeated_key": _("Repeated parameter"),
    "differs": _("Differs from the earlier call"),
    "cut": _("Truncated: too long to store"),
    "late": _("Late: a later call came first"),
    "gap": _("An expected call is missing"),
    "contradiction": _("Contradicts earlier calls"),
    "released": _("Released by an operator"),
    "corrected": _("Values corrected by an operator"),
    "values_differ": _("Values differ from earlier calls"),
    "repeat_unclear": _("Possible duplicate"),
    "unreadable": _("Invalid format"),
    "unknown_store": _("Unknown store"),
    "unknown_key": _("Unknown parameters"),
    "truncated": _("Last character truncated"),
    "undecodable": _("Unknown encoding"),
    "oversize": _("Longer than allowed"),
    "trimmed": _("Leading or trailing blanks or invisible characters"),
    "full_width": _("Full-width characters"),
    "unusual": _("Characters that the manual does not allow"),
    "invisible": _("Blank or invisible character inside"),
}
REVIEW_REASONS: Mapping[str, str] = {
    Reason.CONFLICT: _("Repeated call with other values"),
    Reason.CONTRADICTION: _("Call contradicts earlier ones"),
    Reason.CONTRADICTION_WITH_MONEY: _("Payment contradicts earlier calls"),
    Reason.VALUES_DIFFER: _("Calls of one payment disagree"),
    Reason.MONEY_UNREADABLE: _("Amount cannot be read"),
    Reason.PAID_TWICE: _("Paid twice"),
    Reason.CONFIRMATION_OVERDUE: _("Confirmation overdue"),
    Reason.UNWANTED_PAYMENT: _("Cancelled purchase was paid"),
    Reason.REVERSED_AFTER_RELEASE: _("Reversed after the goods were released"),
    Reason.QUARANTINED: _("Call in quarantine"),
    Reason.SENDID_SHARED: _("One sendid in many orders"),
    Reason.APPLICATION_UNKNOWN: _("Outcome of an application unknown"),
    Reason.AMOUNT_DIFFERS: _("Other amount than applied for"),
    Reason.REFERENCE_FORGED: _("Forged reference"),
    Reason.CALL_MISSING: _("Call missing"),
}
SETTLEMENTS: Mapping[str, str] = {
    Settlement.RELEASE: _("Goods may go"),
    Settlement.HOLD: _("Goods stay"),
    Settlement.DISMISS: _("Nothing to decide"),
}
PAUSE_REASONS: Mapping[str, str] = {
    "operator": _("paused by an operator"),
    GONE_REASON: _("It answered 410 Gone"),
    FAILING_REASON: _("It failed for too long"),
}
ORIGINS: Mapping[str, str] = {
    Source.CALL: _("Call from Zeus"),
    Source.RECONCILIATION: _("Filled in by a reconciliation"),
    Source.MAIL: _("Filled in by a mail"),
}
RECONCILED: Mapping[str, str] = {
    Outcome.AGREES: _("Agrees"),
    Outcome.UNKNOWN_HERE: _("No call came"),
    Outcome.BEHIND: _("Behind"),
    Outcome.AMOUNT_DIFFERS: _("Amount differs"),
    Outcome.UNKNOWN_THERE: _("Not in the file"),
}
RECONCILIATIONS: Mapping[str, str] = {
    ReconciliationState.COMPARING: _("Comparing"),
    ReconciliationState.SEARCHING: _("Searching for orders that the file lacks"),
    ReconciliationState.DONE: _("Finished"),
}
TESTS: Mapping[str, str] = {
    WithTests.INCLUDE: _("real and tests"),
    WithTests.EXCLUDE: _("only real"),
    WithTests.ONLY: _("only tests"),
}
WAYS: Mapping[str, str] = {
    Way.PAID: _("Send an application with testid and test_type=1."),
    Way.CONFIRMED: _(
        "Arrives within 30 minutes of 04, after an application with testid and test_type=1."
    ),
    Way.REVERSED: _(
        "Arrives within 30 minutes of 04, after an application with testid and test_type=2."
    ),
    Way.IF_ORDERED: _("Only if you ordered it from Zeus; a test does not produce it."),
    Way.SIMULATED: _("A test does not produce it; `zeus-relay simulate` does."),
}

KINDS: Mapping[str, Mapping[str, str]] = {
    "order": ORDER_STATES,
    "event": EVENT_TYPES,
    "verdict": VERDICTS,
    "webhook": WEBHOOK_STATES,
    "subscriber": SUBSCRIBER_STATES,
    "outcome": OUTCOMES,
    "reason": REASONS,
    "review": REVIEW_REASONS,
    "settlement": SETTLEMENTS,
    "pause": PAUSE_REASONS,
    "origin": ORIGINS,
    "reconciled": RECONCILED,
    "reconciliation": RECONCILIATIONS,
    "way": WAYS,
    "tests": TESTS,
    **application_labels.KINDS,
    **audit_labels.KINDS,
    **mail_labels.KINDS,
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
    OrderState.EXPIRY_PRESUMED: "quiet",
    Verdict.ACCEPTED: "good",
    Verdict.DUPLICATE: "quiet",
    Verdict.CONFLICT: "bad",
    Verdict.QUARANTINED: "bad",
    "unjudged": "quiet",
    Outcome.AGREES: "good",
    Outcome.UNKNOWN_HERE: "bad",
    Outcome.BEHIND: "bad",
    Outcome.AMOUNT_DIFFERS: "bad",
    Outcome.UNKNOWN_THERE: "warn",
    ReconciliationState.COMPARING: "half",
    ReconciliationState.SEARCHING: "half",
    ReconciliationState.DONE: "good",
    WebhookState.PENDING: "warn",
    WebhookState.DELIVERED: "good",
    WebhookState.DEAD: "bad",
    WebhookState.CANCELLED: "quiet",
    SubscriberState.ACTIVE: "good",
    SubscriberState.PAUSED: "warn",
    **{reason: "bad" if reason in {*HOLDING, Reason.QUARANTINED} else "warn" for reason in Reason},
    **application_labels.TONES,
    **mail_labels.TONES,
    Settlement.RELEASE: "good",
    Settlement.HOLD: "warn",
    Settlement.DISMISS: "quiet",
}
"""Tone of a state: good, warn, bad or quiet. It colours a mark beside the label."""


def label_of(kind: str, code: str) -> tuple[str, str]:
    """Return a code's label and the part after its colon (a parameter's name).

    A code without a label, such as a reason that an operator typed, is its own label.
    """
    name, _, about = code.partition(":")
    words = KINDS[kind].get(name)
    return (words, about) if words is not None else (code, "")


def tone_of(code: str) -> str:
    """Return the tone of a state; quiet if it has none."""
    return TONES.get(code, "quiet")
