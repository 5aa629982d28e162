"""Every kind of event of an order, made by judging, time and decisions."""

from itertools import product
from typing import Any
from uuid import UUID

from app.judging.policy import Policy
from app.mailbox.findings import missing_review
from app.mailbox.pairing import ReadMail
from app.mailbox.states import MailState
from app.order_life.release import ReleaseOn
from app.order_life.reviews import Settlement
from app.zeus.statuses import Status
from tests.judging.applied_setup import KEYS, application
from tests.order_life.shop import FULL, Shop, with_status

ORDER_NO = FULL["order_no"]
LOST = "019ab12c-7d3e-7000-8000-0123456789ab"
OTHER = {"order_no": "1234-56789-09999", "pay_no1": "1234567890999"}


def every_event() -> list[dict[str, Any]]:
    """Return the bodies of events of all kinds, with personal data."""
    made = (
        _values,
        _odd_values,
        _silence,
        _paid_twice,
        _release_and_reversal,
        _unwanted,
        _shared_sendid,
        _with_mail,
        _applied,
        _missing_call,
    )
    return [body for shop in (*_pairs(), *(make() for make in made)) for body in shop.bodies()]


def _pairs() -> list[Shop]:
    """Return a shop for each status after each other."""
    return [
        _told(with_status(first), with_status(second)) for first, second in product(Status, Status)
    ]


def _told(*calls: dict[str, str], policy: Policy | None = None) -> Shop:
    shop = Shop(policy)
    for call in calls:
        shop.call(call)
    return shop


def _values() -> Shop:
    """Conflict, differing values, and the three ways to settle."""
    shop = _told(
        with_status("01"),
        with_status("04", money="4500", sendid="A-2"),
        with_status("04", money="4501", sendid="A-2"),
        with_status("05", money="4500", sendid="A-2"),
    )
    for settlement, review in zip(Settlement, shop.order.reviews, strict=False):
        shop.settle(review, settlement)
    return shop


def _odd_values() -> Shop:
    """Unreadable, missing, odd and unknown values."""
    least = {"order_no": ORDER_NO, "status": "04"}
    odd = {**least, "status": "05", "pay_cvs": "D999", "pay_limit": "soon", "pay_no2": "42"}
    failed = {"order_no": "1234-56789-00002", "status": "02", "error_code": "02130514"}
    shop = _told(least, odd, failed, {**least, "order_no": "1234-56789-00003", "money": "5,400"})
    shop.call(
        {**least, "order_no": "1234-56789-00004", "status": "4"}, corrections={"status": "04"}
    )
    return shop


def _silence() -> Shop:
    shop = _told(with_status("01"), with_status("04", **OTHER, sendid="A-2"))
    shop.presume(ORDER_NO)
    shop.find_overdue(OTHER["order_no"])
    shop.call(with_status("04"), with_status("05", **OTHER, sendid="A-2"))
    return shop


def _paid_twice() -> Shop:
    """Pay three relatives, one without an amount, and reverse it."""
    shop = _told(with_status("04", money=""), with_status("04", **OTHER))
    shop.call(with_status("04", order_no="1234-56789-00001"), with_status("06", money=""))
    shop.recheck()
    return shop


def _release_and_reversal() -> Shop:
    policy = Policy(release_on=ReleaseOn.RECEIVED)
    return _told(with_status("04"), with_status("06"), with_status("04"), policy=policy)


def _unwanted() -> Shop:
    shop = Shop(unwanted=[FULL["sendid"]])
    shop.call(with_status("11"))
    shop.settle(shop.order.reviews[0], Settlement.RELEASE)
    return shop


def _shared_sendid() -> Shop:
    return _told(*(with_status("01", order_no=f"1234-56789-{number:05}") for number in range(11)))


def _with_mail() -> Shop:
    """A call of which a mail told before."""
    shop = Shop()
    shop.told_at = shop.at
    shop.call(with_status("04"))
    return shop


def _applied() -> Shop:
    """A test application whose slip is paid with another amount, and a forged call about it."""
    applied = application(test=True, sendid="A-2")
    shop = Shop(Policy(references=KEYS), applications=[applied])
    forged = f"{applied.sendpoint[:-3]}abc"
    shop.call(with_status("01", sendpoint=applied.sendpoint, money="4500"))
    shop.call(with_status("04", sendpoint=forged))
    lost = application(id=UUID(LOST))
    shop.call(with_status("01", sendpoint=lost.sendpoint, **OTHER))
    return shop


def _missing_call() -> Shop:
    shop = _told(with_status("01"))
    mail = ReadMail(
        UUID(LOST), ORDER_NO, "04", MailState.WAITING, shop.at, shop.at, 5400, (), True, False
    )
    shop.open(missing_review(mail, 1))
    return shop
