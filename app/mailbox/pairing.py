"""Pairs of mails and calls: each mail and each call once, the nearest in time. Pure."""

from collections import defaultdict
from collections.abc import Iterable, Sequence, Set
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from app.mailbox.states import MailState
from app.zeus.statuses import Status

_OPEN = (MailState.WAITING, MailState.MISSING)
_ENDED = (MailState.MATCHED, MailState.HEALED)
_PAYMENT_OF = {
    Status.REVERSED.value: Status.PAID.value,
    Status.REVERSED_AFTER_CANCEL.value: Status.PAID_AFTER_CANCEL.value,
}


@dataclass(frozen=True, slots=True)
class ReadMail:
    """A believed mail about a status of an order.

    `occurred_at` is 処理時刻. `is_due` tells that its call has had its time, `is_old` that nothing
    of that time is known: no call and no mail had come yet, or they were removed since.
    """

    id: UUID
    order_no: str
    status: str
    state: MailState
    received_at: datetime
    occurred_at: datetime | None
    money: int | None
    notice_ids: tuple[UUID, ...]
    is_due: bool
    is_copy: bool
    is_old: bool = False

    @property
    def at(self) -> datetime:
        """Return the time at which the call was to be made."""
        return self.occurred_at or self.received_at

    @property
    def is_open(self) -> bool:
        """Return True if a call may still be found for it."""
        return self.state in _OPEN


@dataclass(frozen=True, slots=True)
class JudgedNotice:
    """A notice that was judged and is no duplicate."""

    id: UUID
    order_no: str
    status: str
    received_at: datetime
    money: int | None


class Pair(NamedTuple):
    """A mail and its call."""

    mail: ReadMail
    call: JudgedNotice

    @property
    def differs(self) -> bool:
        """Return True if both name an amount, and not the same."""
        return None not in (self.mail.money, self.call.money) and self.mail.money != self.call.money


@dataclass(frozen=True, slots=True)
class Pairing:
    """What becomes of open mails: pairs, copies of others, and those whose calls are missing.

    `old` ones are about a time and an order of which nothing is known: whoever took the calls then
    has acted on them. `uncalled` ones are about a status that Zeus makes no call for.
    """

    pairs: Sequence[Pair]
    copies: Sequence[ReadMail]
    due: Sequence[ReadMail]
    old: Sequence[ReadMail] = ()
    uncalled: Sequence[ReadMail] = ()

    @property
    def due_if_ordered(self) -> list[ReadMail]:
        """Return those whose calls are missing only if Zeus makes them, as for 02."""
        return [mail for mail in self.due if Status(mail.status).only_if_ordered]


def find_pairs(mails: Iterable[ReadMail], calls: Iterable[JudgedNotice]) -> Pairing:
    """Return what becomes of the open mails of some orders.

    A second mail with the same order, status and 処理時刻 is a copy, however it was sent, and so is
    one that lacks the time if anything else tells the status: it must not look like another
    payment. A call with the mail's amount comes before one with another amount.
    """
    mails_of, calls_of = defaultdict(list), defaultdict(list)
    for mail in mails:
        mails_of[mail.order_no, mail.status].append(mail)
    for call in calls:
        calls_of[call.order_no, call.status].append(call)
    found = Pairing([], [], [])
    found = _joined([found, *(_pairs_of_one(mails_of[key], calls_of[key]) for key in mails_of)])
    known = {call.order_no for of_one in calls_of.values() for call in of_one}
    old = [mail for mail in found.due if mail.is_old and mail.order_no not in known]
    return replace(found, due=[mail for mail in found.due if mail not in old], old=old)


def _joined(parts: Sequence[Pairing]) -> Pairing:
    return Pairing(
        [pair for part in parts for pair in part.pairs],
        [mail for part in parts for mail in part.copies],
        sorted(
            (mail for part in parts for mail in part.due),
            key=_sequence,
        ),
    )


def _pairs_of_one(mails: Sequence[ReadMail], calls: Sequence[JudgedNotice]) -> Pairing:
    copies = _copies(mails)
    waiting = [mail for mail in mails if mail.is_open and mail not in copies]
    timed = [mail for mail in waiting if mail.occurred_at is not None]
    named = {one for mail in mails for one in mail.notice_ids}
    timeless = [mail for mail in waiting if mail.occurred_at is None]
    # A call that only a mail without a time names is free for one with a time.
    taken = {one for mail in mails if mail.occurred_at for one in mail.notice_ids}
    pairs = _nearest(timed, calls, taken)
    pairs |= _nearest(timeless, calls, named | {pair.call.id for pair in pairs.values()})
    left = [mail for mail in waiting if mail.id not in pairs]
    is_told = bool(calls) or len(mails) > len(copies) + 1
    copies += [mail for mail in left if mail.occurred_at is None and is_told]
    due = [mail for mail in left if mail.is_due and mail not in copies]
    return Pairing(
        list(pairs.values()), copies, [mail for mail in due if mail.state is MailState.WAITING]
    )


def _nearest(
    mails: Sequence[ReadMail], calls: Sequence[JudgedNotice], taken: Set[UUID]
) -> dict[UUID, Pair]:
    """Return by mail the pairs that are nearest in time, with calls that are not `taken`."""
    pairs: dict[UUID, Pair] = {}
    used: set[UUID] = set()
    possible = [Pair(mail, call) for mail in mails for call in calls if call.id not in taken]
    for pair in sorted(possible, key=_distance):
        if pair.mail.id not in pairs and pair.call.id not in used:
            pairs[pair.mail.id] = pair
            used.add(pair.call.id)
    return pairs


def with_payments_after(due: Sequence[ReadMail], mails: Iterable[ReadMail]) -> list[ReadMail]:
    """Return the mails to heal, and behind a reversal the payments that followed it.

    The call of such a payment was judged before the reversal was known, as that of the payment
    which was taken back. So the payment is told once more.
    """
    reversals = {
        (mail.order_no, _PAYMENT_OF[mail.status]): mail
        for mail in due
        if mail.status in _PAYMENT_OF
    }
    again = [
        mail
        for mail in mails
        if mail.state in _ENDED
        and mail.occurred_at is not None
        and (reversal := reversals.get((mail.order_no, mail.status))) is not None
        and reversal.occurred_at is not None
        and mail.occurred_at > reversal.occurred_at
    ]
    return sorted({*due, *again}, key=_sequence)


def _sequence(mail: ReadMail) -> tuple[str, datetime, str, UUID]:
    return mail.order_no, mail.at, mail.status, mail.id


def _copies(mails: Sequence[ReadMail]) -> list[ReadMail]:
    """Return the open mails that say again what another one says."""
    first: dict[datetime, ReadMail] = {}
    known = sorted(mails, key=lambda mail: (mail.is_open, mail.id))
    for mail in known:
        if mail.occurred_at is not None and not mail.is_copy:
            first.setdefault(mail.occurred_at, mail)
    return [
        mail
        for mail in mails
        if mail.is_open and mail.occurred_at is not None and first[mail.occurred_at] is not mail
    ]


def _distance(pair: Pair) -> tuple[bool, float, UUID]:
    apart = abs((pair.mail.at - pair.call.received_at).total_seconds())
    return pair.differs, apart, pair.mail.id
