"""English labels of applications: states, tests, advice, and faults of the form."""

from collections.abc import Mapping

from app.applications.states import ApplicationState, TestKind
from app.console.texts.marking import _
from app.zeus.application import Rule
from app.zeus.customer_names import NameFault
from app.zeus.error_codes import Retry, WhoCanAct

STATES: Mapping[str, str] = {
    ApplicationState.SENDING: _("On its way to Zeus"),
    ApplicationState.ACCEPTED: _("Slip issued"),
    ApplicationState.FAILED: _("Zeus made no slip"),
    ApplicationState.REJECTED: _("Zeus refused a value"),
    ApplicationState.NOT_SENT: _("Not sent"),
    ApplicationState.UNKNOWN: _("Outcome unknown"),
}
TEST_KINDS: Mapping[str, str] = {
    TestKind.UNPAID: _("Test: application alone"),
    TestKind.CONFIRMED: _("Test: paid and confirmed"),
    TestKind.REVERSED: _("Test: paid and taken back"),
}
WHO: Mapping[str, str] = {
    WhoCanAct.CUSTOMER: _("the customer"),
    WhoCanAct.DEVELOPER: _("your developer"),
    WhoCanAct.MERCHANT: _("you, with Zeus"),
    WhoCanAct.ZEUS_SUPPORT: _("Zeus's support"),
}
RETRIES: Mapping[str, str] = {
    Retry.NEVER: _("not with this amount"),
    Retry.LATER: _("later"),
    Retry.OTHER_STORE: _("with another store"),
    Retry.AFTER_RESOLVING: _("after the cause is resolved"),
}
FAULTS: Mapping[str, str] = {
    Rule.MISSING: _("This is needed."),
    Rule.TOO_LONG: _("This is too long."),
    Rule.NOT_SHIFT_JIS: _("A character in this does not exist in Shift_JIS."),
    Rule.MONEY: _("Enter a whole number of yen from 200 to 299,999."),
    Rule.TELNO: _("Enter 9 to 11 digits that begin with 0."),
    Rule.EMAIL: _("Enter an e-mail address in ASCII without spaces."),
    Rule.FREE_ALPHABET: _("Only ASCII letters, digits and some signs are allowed."),
    Rule.STORE: _("Choose a store."),
    **dict.fromkeys(
        (fault for fault in NameFault if fault.value not in (Rule.MISSING, Rule.TOO_LONG)),
        _("Enter the name in kana, such as コンビニ タロウ."),
    ),
}
"""Message for each reason for which a field is refused."""

KINDS: Mapping[str, Mapping[str, str]] = {
    "application": STATES,
    "test_kind": TEST_KINDS,
    "who": WHO,
    "retry": RETRIES,
    "application_fault": FAULTS,
}
TONES: Mapping[str, str] = {
    ApplicationState.SENDING: "half",
    ApplicationState.REJECTED: "bad",
    ApplicationState.NOT_SENT: "warn",
    ApplicationState.UNKNOWN: "bad",
}
"""Tones of the states that orders do not have."""
