"""New slips: order numbers, payment numbers and deadlines as a simulated Zeus gives them."""

import secrets
import string
from collections.abc import Mapping
from datetime import datetime, timedelta

from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import Slip
from app.simulator.state.transitions import SlipState
from app.zeus.application import is_test
from app.zeus.mails import JAPAN
from app.zeus.stores import STORES

ECHOED = ("clientip", "money", "username", "telno", "email", "sendid", "sendpoint", "pay_cvs")
REDIRECTING_STORE = "D001"
"""セブン-イレブン: its customers are redirected to pay_url (manual, store table)."""


def new_slip(
    number: int,
    values: Mapping[str, str],
    settings: SimulatorSettings,
    now: datetime,
    pay_pages: str,
) -> Slip:
    """Return the slip with serial `number` for an application that Zeus accepts.

    `pay_pages` is the URL below which the slip has its page, which pay_url names. The prefix of its
    number shows that it is none of Zeus's own. With `pay_no_cycle` a payment number is issued again
    for another application, as the manual warns.
    """
    limit = now.astimezone(JAPAN).date() + timedelta(days=settings.deadline_days)
    order_no = f"{settings.order_prefix}-{number:06}-{_digits(5)}"
    redirecting = values["pay_cvs"] == REDIRECTING_STORE
    return Slip(
        order_no,
        SlipState.UNPAID,
        now,
        now,
        {
            **{name: values.get(name, "") for name in ECHOED},
            "order_no": order_no,
            **payment_numbers(values["pay_cvs"], number, settings.pay_no_cycle),
            "pay_limit": f"{limit:%Y%m%d}",
            "pay_url": f"{pay_pages}/{order_no}" if redirecting else "",
            "error_code": "",
        },
        test_type=_test_type(values, settings),
    )


def failed_slip(
    number: int,
    values: Mapping[str, str],
    error_code: str,
    settings: SimulatorSettings,
    now: datetime,
) -> Slip:
    """Return the order of a failed application: a number and a code, but no payment numbers."""
    order_no = f"{settings.order_prefix}-{number:06}-{_digits(5)}"
    echoed = {name: values.get(name, "") for name in ECHOED}
    nothing = {"pay_no1": "", "pay_no2": "", "pay_limit": ""}
    return Slip(
        order_no,
        SlipState.FAILED,
        now,
        now,
        {**echoed, "order_no": order_no, **nothing, "error_code": error_code},
    )


def _test_type(values: Mapping[str, str], settings: SimulatorSettings) -> str | None:
    """Return test_type, or None for a real application: one without a valid testid (manual)."""
    valid = is_test(values) and values["testid"] in settings.test_ids
    return values["test_type"] if valid else None


def payment_numbers(store_code: str, number: int, cycle: int) -> dict[str, str]:
    """Return 払込用番号1 and 2 in invented lengths; only some chains have a second one."""
    one = STORES[store_code].pay_no2_label is None
    length = 13 if one else 11
    pay_no1 = f"{number % cycle:0{length}}" if cycle else _digits(length)
    return {"pay_no1": pay_no1, "pay_no2": "" if one else _digits(5)}


def _digits(length: int) -> str:
    return "".join(secrets.choice(string.digits) for _ in range(length))
