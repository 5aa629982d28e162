"""Checked requests: the values of an application, or every fault of them with its place."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self
from uuid import UUID

from app.applications.states import TEST_TYPES, TestKind
from app.crypto.reference import is_reference
from app.settings import Settings
from app.zeus.application import ACTION, FIELDS, MONEY_RANGE, Rule, faults_of
from app.zeus.customer_names import NameRefused, fold_name, fold_telephone
from app.zeus.stores import BY_SLUG, STORES

POINTERS: Final[Mapping[str, str]] = {
    "clientip": "/clientip",
    "money": "/money",
    "username": "/customer/name",
    "telno": "/customer/telno",
    "email": "/customer/email",
    "pay_cvs": "/store",
    "sendid": "/sendid",
    "sendpoint": "/sendpoint",
    "testid": "/test",
    "test_type": "/test",
}
"""JSON pointer of the field behind each parameter of Zeus's."""

REQUEST_FIELDS: Final = frozenset(
    ["money", "store", "customer", "sendid", "sendpoint", "clientip", "test", "replaces"]
)
CUSTOMER_FIELDS: Final = frozenset({"name", "telno", "email"})

_MESSAGES: Final[Mapping[Rule, str]] = {
    Rule.MISSING: "is missing",
    Rule.TOO_LONG: "is too long",
    Rule.NOT_SHIFT_JIS: "has a character that Shift_JIS does not have",
    Rule.TEN_DIGITS: "must have ten digits",
    Rule.TELNO: "must begin with 0 and have 9 to 11 digits",
    Rule.EMAIL: "must be an e-mail address in ASCII without spaces",
    Rule.FREE_ALPHABET: r"may have letters, digits and \ # $ % ^ ~ ` - _ @ [ ] , / * ? + = alone",
}


@dataclass(frozen=True, slots=True)
class RequestFault:
    """A faulty field: a JSON pointer to it, the reason as a word, and a text.

    None of them repeats the value.
    """

    pointer: str
    reason: str
    message: str


class RequestFaulty(Exception):
    """A request has faults; `faults` are all of them."""

    def __init__(self, faults: list[RequestFault]) -> None:
        super().__init__(", ".join(f"{fault.pointer} {fault.message}" for fault in faults))
        self.faults = faults


@dataclass(frozen=True, slots=True)
class RequestRules:
    """Settings that requests follow."""

    ip_codes: tuple[str, ...] = ()
    test_id: str | None = None
    one_purchase: bool = True
    """True if a sendid names one purchase (RELAY_SENDID_SCOPE)."""

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the rules of the settings."""
        one_purchase = settings.sendid_scope == "order"
        return cls(tuple(settings.ip_codes), settings.test_id, one_purchase)


@dataclass(frozen=True, slots=True)
class CheckedRequest:
    """A request that can be sent, its values in Zeus's form. `digest` tells it from others."""

    clientip: str
    money: int
    pay_cvs: str
    customer: Mapping[str, str] = field(repr=False)
    sendid: str | None
    sendpoint: str | None
    test: TestKind | None
    test_id: str | None
    replaces: UUID | None
    digest: bytes = field(repr=False)

    def form_values(self, sendpoint: str) -> dict[str, str]:
        """Return the parameters that are posted."""
        values = {
            "clientip": self.clientip,
            "act": ACTION,
            "money": str(self.money),
            "username": self.customer["name"],
            "telno": self.customer["telno"],
            "email": self.customer["email"],
            "pay_cvs": self.pay_cvs,
            "sendid": self.sendid or "",
            "sendpoint": sendpoint,
        }
        if self.test is not None and self.test_id is not None:
            values |= {"testid": self.test_id, "test_type": TEST_TYPES[self.test]}
        return values


def check_request(given: Mapping[str, Any], rules: RequestRules) -> CheckedRequest:
    """Return the request in Zeus's form. Raise RequestFaulty with all of its faults.

    A field that is null is absent.
    """
    return _Check({name: value for name, value in given.items() if value is not None}, rules).run()


class _Check:
    """Check of one request: collects values and faults."""

    def __init__(self, given: Mapping[str, Any], rules: RequestRules) -> None:
        self._given = given
        self._rules = rules
        self._values: dict[str, str] = {"act": ACTION}
        self._faults: dict[str, RequestFault] = {}

    def run(self) -> CheckedRequest:
        given = self._given
        customer = given.get("customer", {})
        if not isinstance(customer, Mapping):
            self._refuse("/customer", "must_be_an_object", "must be an object")
            customer = {}
        customer = {name: value for name, value in customer.items() if value is not None}
        self._refuse_unknown(given, REQUEST_FIELDS, "")
        self._refuse_unknown(customer, CUSTOMER_FIELDS, "/customer")
        self._money(given.get("money"))
        self._store(given.get("store"))
        self._clientip(given.get("clientip"))
        self._name(customer.get("name"))
        self._text("telno", customer.get("telno"), fold_telephone)
        self._text("email", customer.get("email"), str.strip)
        self._text("sendid", given.get("sendid"))
        self._text("sendpoint", given.get("sendpoint"))
        test, replaces = self._test(given.get("test")), self._replaces(given.get("replaces"))
        self._refuse_broken_rules()
        if self._faults:
            raise RequestFaulty(list(self._faults.values()))
        return self._checked(test, replaces)

    def _checked(self, test: TestKind | None, replaces: UUID | None) -> CheckedRequest:
        values = self._values
        return CheckedRequest(
            clientip=values["clientip"],
            money=int(values["money"]),
            pay_cvs=values["pay_cvs"],
            customer={
                "name": values["username"],
                "telno": values["telno"],
                "email": values["email"],
            },
            sendid=values.get("sendid") or None,
            sendpoint=values.get("sendpoint") or None,
            test=test,
            test_id=self._rules.test_id if test else None,
            replaces=replaces,
            digest=_digest(self._given),
        )

    def _refuse(self, pointer: str, reason: str, message: str) -> None:
        self._faults.setdefault(pointer, RequestFault(pointer, reason, message))

    def _refuse_unknown(self, given: Mapping[str, Any], known: frozenset[str], at: str) -> None:
        for name in given.keys() - known:
            escaped = str(name).replace("~", "~0").replace("/", "~1")
            self._refuse(f"{at}/{escaped}", "unknown_field", "is no field of an application")

    def _money(self, money: object) -> None:
        if type(money) is int and money in MONEY_RANGE:  # True is an int, too
            self._values["money"] = str(money)
        elif money is not None:
            low, high = MONEY_RANGE.start, MONEY_RANGE.stop - 1
            message = f"must be a whole number of yen from {low} to {high}, without quotes"
            self._refuse("/money", Rule.MONEY, message)

    def _store(self, store: object) -> None:
        if isinstance(store, str) and (found := STORES.get(store) or BY_SLUG.get(store)):
            self._values["pay_cvs"] = found.code
        elif store is not None:
            names = ", ".join(f"{known.slug} ({known.code})" for known in STORES.values())
            self._refuse("/store", Rule.STORE, f"must be one of {names}")

    def _clientip(self, clientip: object) -> None:
        codes = self._rules.ip_codes
        if clientip is None and len(codes) == 1:
            self._values["clientip"] = codes[0]
        elif clientip is None:
            self._refuse("/clientip", Rule.MISSING, "is needed unless RELAY_IP_CODES names one")
        elif codes and clientip not in codes:
            self._refuse("/clientip", "not_ours", "is not in RELAY_IP_CODES")
        else:
            self._text("clientip", clientip)

    def _name(self, name: object) -> None:
        if name is None or not self._is_text("username", name):
            return
        try:
            self._values["username"] = fold_name(str(name))
        except NameRefused as refused:
            self._refuse(POINTERS["username"], refused.fault, str(refused))

    def _text(self, parameter: str, value: object, fold: Any = str) -> None:
        if value is not None and self._is_text(parameter, value):
            self._values[parameter] = fold(value)

    def _is_text(self, parameter: str, value: object) -> bool:
        if not isinstance(value, str):
            self._refuse(POINTERS[parameter], "must_be_text", "must be text")
        return isinstance(value, str)

    def _test(self, test: object) -> TestKind | None:
        if test is None:
            return None
        if test not in list(TestKind):
            kinds = ", ".join(TestKind)
            self._refuse("/test", "must_be_a_kind_of_test", f"must be one of {kinds}")
        elif self._rules.test_id is None:
            self._refuse("/test", "needs_a_test_id", "needs RELAY_TEST_ID to be set")
        else:
            return TestKind(str(test))
        return None

    def _replaces(self, replaces: object) -> UUID | None:
        if replaces is None:
            return None
        try:
            return replaces if isinstance(replaces, UUID) else UUID(str(replaces))
        except ValueError:
            self._refuse("/replaces", "must_be_an_id", "must be the id of an application")
        return None

    def _refuse_broken_rules(self) -> None:
        for fault in faults_of(self._values):
            text = _MESSAGES.get(fault.rule, fault.rule.value.replace("_", " "))
            if fault.rule is Rule.TOO_LONG:
                text = f"is longer than {FIELDS[fault.parameter].max_bytes} bytes"
            self._refuse(POINTERS[fault.parameter], fault.rule, text)
        if is_reference(self._values.get("sendpoint", "")):
            message = "has the form of a reference, which the relay alone makes"
            self._refuse("/sendpoint", "has_the_form_of_a_reference", message)


def _digest(given: Mapping[str, Any]) -> bytes:
    text = json.dumps(given, default=str, ensure_ascii=True, sort_keys=True)
    return hashlib.sha256(text.encode()).digest()
