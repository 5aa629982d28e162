"""Texts of reviews: what happened, what to do, and the ways to decide."""

from collections.abc import Mapping, Sequence

from app.console.texts.labels import _
from app.order_life.reviews import HOLDING, OF_QUARANTINE, Reason, Settlement

HAPPENED: Mapping[Reason, str] = {
    Reason.CONFLICT: _("Zeus reported the same status again, with other values."),
    Reason.CONTRADICTION: _(
        "A call cannot follow the earlier ones. The order keeps the state that it had."
    ),
    Reason.CONTRADICTION_WITH_MONEY: _(
        "A call about money cannot follow the earlier ones. The order took its state."
    ),
    Reason.VALUES_DIFFER: _("Two calls of the same payment report different values."),
    Reason.MONEY_UNREADABLE: _("The payment was reported with an amount that is no number of yen."),
    Reason.PAID_TWICE: _("Two orders of the same purchase are paid."),
    Reason.CONFIRMATION_OVERDUE: _(
        "The payment was reported, but not confirmed within the usual time."
    ),
    Reason.UNWANTED_PAYMENT: _("The customer paid a purchase that you had cancelled."),
    Reason.REVERSED_AFTER_RELEASE: _(
        "The payment was taken back after the goods had been released."
    ),
    Reason.QUARANTINED: _("The call could not be judged, so no event was sent."),
    Reason.SENDID_SHARED: _(
        "So many orders have the same sendid that it cannot name one purchase."
    ),
    Reason.APPLICATION_UNKNOWN: _(
        "Nobody knows whether the application made a slip: no usable answer came from Zeus."
    ),
    Reason.AMOUNT_DIFFERS: _("A call names another amount than the application for its slip."),
    Reason.REFERENCE_FORGED: _(
        "A call carries a reference that this relay did not make, so it was not judged."
    ),
    Reason.CALL_MISSING: _("A call that Zeus must have made has not arrived."),
}
REMEDY: Mapping[Reason, str] = {
    Reason.CONFLICT: _("Ask Zeus which values are right, then decide."),
    Reason.CONTRADICTION: _("Compare with the order in Zeus's console, then decide."),
    Reason.CONTRADICTION_WITH_MONEY: _("Compare with the order in Zeus's console, then decide."),
    Reason.VALUES_DIFFER: _("Ask Zeus which values are right, then decide."),
    Reason.MONEY_UNREADABLE: _("Look up the amount in Zeus's console, then decide."),
    Reason.PAID_TWICE: _("Send the goods once, and pay one of the payments back."),
    Reason.CONFIRMATION_OVERDUE: _(
        "Ask Zeus. The review ends by itself when the confirmation or a reversal comes."
    ),
    Reason.UNWANTED_PAYMENT: _("Send the goods all the same, or pay the money back."),
    Reason.REVERSED_AFTER_RELEASE: _("Stop the goods if you still can, and ask the customer."),
    Reason.QUARANTINED: _(
        "Look at the call. Release it, with corrected values if need be, or dismiss it."
    ),
    Reason.SENDID_SHARED: _(
        "If your sendid names something other than a purchase, set `RELAY_SENDID_SCOPE=none`."
    ),
    Reason.APPLICATION_UNKNOWN: _(
        "Look for the order in Zeus's console, then resolve the application. Never apply again "
        "before that."
    ),
    Reason.AMOUNT_DIFFERS: _("Ask Zeus which amount is right, then decide."),
    Reason.REFERENCE_FORGED: _(
        "Compare with the order in Zeus's console. Release the call only if the order is there."
    ),
    Reason.CALL_MISSING: _(
        "Look for the order in Zeus's console, and let Zeus send the call again from there."
    ),
}
_GOODS: Mapping[Settlement, str] = {
    Settlement.RELEASE: _(
        "The goods may be sent, as far as this review is concerned. If nothing else holds the "
        "order and it is paid, it is released now."
    ),
    Settlement.HOLD: _("The goods are not sent for this payment."),
    Settlement.DISMISS: _("The review ends. That alone does not release the goods."),
}


def choices(
    reason: Reason, settlement: Settlement | None, *, may_release: bool
) -> Sequence[tuple[Settlement, str]]:
    """Return the decisions that an operator may take, each with its meaning.

    Only `release` can follow another decision. Reviews that hold no goods can only be dismissed.
    `may_release` tells that a quarantined call needs no correction.
    """
    if settlement is Settlement.RELEASE:
        return ()
    if reason in HOLDING and reason not in OF_QUARANTINE:
        wanted = (Settlement.RELEASE,) if settlement else tuple(Settlement)
        return [(one, _GOODS[one]) for one in wanted]
    found = []
    if reason in OF_QUARANTINE and may_release:
        found.append((Settlement.RELEASE, _("The call is released and judged as it is.")))
    if reason in HOLDING and not settlement:
        found.append((Settlement.HOLD, _GOODS[Settlement.HOLD]))
    return found if settlement else [*found, _dismissal()]


def _dismissal() -> tuple[Settlement, str]:
    return Settlement.DISMISS, _("The review ends. The record stays.")
