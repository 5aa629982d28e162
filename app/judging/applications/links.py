"""Links between calls and applications: by the reference in sendpoint, or by the order. Pure."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Self
from uuid import UUID

from app.crypto.reference import id_in, is_reference
from app.judging.policy import Policy
from app.order_life.applied import MADE, AppliedFor
from app.order_life.order_state import KnownOrder
from app.zeus.wire import Call

FORGED = "reference_forged"
"""Reason: sendpoint has the form of a reference, but none of our keys signed it."""
MISSING = "reference_missing"
"""Reason: sendpoint is no reference, and the settings demand one."""


@dataclass(frozen=True, slots=True)
class Link:
    """What a call and its order say about the application.

    `faults` are reasons not to judge the call. `is_lost` tells that the reference is good, but its
    application does not exist in this database.
    """

    applied: AppliedFor | None = None
    faults: tuple[str, ...] = ()
    is_lost: bool = False


NO_LINK = Link()


@dataclass(slots=True)
class Applications:
    """Applications by id, and the ids of those that made a slip by its order_no."""

    by_id: dict[UUID, AppliedFor] = field(default_factory=dict)
    of_orders: dict[str, UUID] = field(default_factory=dict)

    @classmethod
    def of(cls, applications: Iterable[AppliedFor]) -> Self:
        """Return these applications."""
        found = cls()
        for applied in applications:
            found.put(applied)
        return found

    def copy(self) -> Self:
        """Return a copy that changes apart."""
        return type(self)(dict(self.by_id), dict(self.of_orders))

    def put(self, applied: AppliedFor) -> None:
        """Add or replace an application."""
        self.by_id[applied.id] = applied
        if applied.order_no is not None and applied.state == MADE:
            self.of_orders.setdefault(applied.order_no, applied.id)

    def get(self, application_id: UUID | None) -> AppliedFor | None:
        """Return the application with this id."""
        return self.by_id.get(application_id) if application_id else None

    def made(self, order_no: str) -> AppliedFor | None:
        """Return the application that made the slip with this number."""
        return self.get(self.of_orders.get(order_no))


def reference_of(call: Call, policy: Policy) -> str | None:
    """Return the call's sendpoint if it has the form of a reference; None without keys."""
    text = call.meant.get("sendpoint", "")
    return text if policy.references is not None and is_reference(text) else None


def is_signed(text: str, call: Call, named: AppliedFor | None, policy: Policy) -> bool:
    """Return True if one of our keys signed this reference for the call's IPコード.

    A call without one has that of the application, or one of ours.
    """
    ours = (named.clientip,) if named else policy.ip_codes
    clientip = call.meant.get("clientip")
    candidates: Collection[str] = (clientip,) if clientip else ours
    references = policy.references
    return references is not None and any(references.signed(text, one) for one in candidates)


def link_of(
    call: Call,
    order: KnownOrder,
    applications: Applications,
    policy: Policy,
    *,
    must_be_signed: bool = True,
) -> Link:
    """Return the application that a call is about. An order stays with its first one.

    `must_be_signed` is False for notices that somebody vouches for.
    """
    mine = applications.get(order.application_id)
    text = reference_of(call, policy)
    if text is not None:
        named = applications.get(id_in(text))
        if is_signed(text, call, named, policy):
            return Link(mine or named, is_lost=named is None)
        if must_be_signed:
            return Link(faults=(FORGED,))
    elif policy.require_reference and must_be_signed:
        return Link(faults=(MISSING,))
    return Link(mine or (applications.made(order.order_no) if policy.applies else None))
