"""Views of orders, calls and mails, as the simulator's API answers and its console shows them."""

from pydantic import BaseModel

from app.simulator.server.zeus import Done, SimulatedZeus
from app.simulator.state.sent_mails import SentMail
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import MadeCall, Slip
from app.simulator.state.transitions import SlipAction, allowed_actions
from app.zeus.wire import decode


class CallView(BaseModel):
    """One call: what it told, and its outcome. `lost`: Zeus will not make it again by itself."""

    n: int
    status: str
    made_at: str
    query: str
    parameters: dict[str, str]
    made: bool
    http_status: int | None
    error: str | None
    seconds: float | None
    tries: int
    lost: bool
    reason: str | None


class OrderView(BaseModel):
    """One order as Zeus keeps it, with the actions that are allowed now."""

    order_no: str
    state: str
    state_name: str
    status: str | None
    test_type: str | None
    stopped: bool
    replaced_by: str | None
    created_at: str
    changed_at: str
    values: dict[str, str]
    allowed: list[SlipAction]


class MailView(BaseModel):
    """One mail: its words, and whether it was handed over.

    `kind` is the manual's name, or `slip` or `receipt` to the customer. `error` is `refused`,
    `unreachable`, `unwritable` or `invalid_address`; `reason` is `no_destination` or `dropped`.
    """

    n: int
    kind: str
    recipient: str
    subject: str
    text: str
    sent_at: str
    delivered: bool
    error: str | None
    reason: str | None


class OrderInFull(OrderView):
    """An order with its calls and its mails."""

    calls: list[CallView]
    mails: list[MailView]


class DkimRecord(BaseModel):
    """The DNS record by which signatures are verified: a TXT record's name and its text."""

    name: str
    text: str


class DoneView(BaseModel):
    """An action that was carried out: the order, its call, and the order that replaced it."""

    order: OrderView
    call: CallView | None
    replacement: OrderView | None


def order_view(slip: Slip, settings: SimulatorSettings) -> OrderView:
    """Return what is shown of an order; the settings decide on what is allowed."""
    again = settings.pay_after_reversal
    allowed = allowed_actions(slip.state, stopped=slip.stopped, pay_again=again)
    return OrderView(
        order_no=slip.order_no,
        state=slip.state,
        state_name=slip.state.japanese,
        status=slip.state.status,
        test_type=slip.test_type,
        stopped=slip.stopped,
        replaced_by=slip.replaced_by,
        created_at=slip.created_at.isoformat(),
        changed_at=slip.changed_at.isoformat(),
        values=dict(slip.values),
        allowed=list(allowed),
    )


def order_in_full(zeus: SimulatedZeus, slip: Slip) -> OrderInFull:
    """Return an order with its calls."""
    calls = [call_view(call) for call in zeus.store.calls(slip.order_no)]
    mails = [mail_view(mail) for mail in zeus.store.mails.of_order(slip.order_no)]
    return OrderInFull(**order_view(slip, zeus.settings).model_dump(), calls=calls, mails=mails)


def call_view(call: MadeCall) -> CallView:
    """Return what is shown of a call."""
    said = decode(call.query).values
    return CallView(
        n=call.n,
        status=call.status,
        made_at=call.made_at.isoformat(),
        query=call.query.decode("latin-1"),
        parameters=dict(said),
        **call.outcome,
    )


def mail_view(mail: SentMail) -> MailView:
    """Return what is shown of a mail."""
    return MailView(
        n=mail.n,
        kind=mail.kind,
        recipient=mail.recipient,
        subject=mail.subject,
        text=mail.text,
        sent_at=mail.sent_at.isoformat(),
        **mail.outcome,
    )


def done_view(done: Done, settings: SimulatorSettings) -> DoneView:
    """Return what is shown of an action."""
    return DoneView(
        order=order_view(done.slip, settings),
        call=call_view(done.call) if done.call else None,
        replacement=order_view(done.replacement, settings) if done.replacement else None,
    )
