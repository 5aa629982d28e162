"""`zeus-relay orders`: what is known of one order."""

from typing import Annotated

import typer

from app.cli.context import must_be_text, run
from app.cli.output import AsJson, Personal, print_fields, print_json, print_table
from app.operating import erasure
from app.operating import orders as operating
from app.operating.orders import Order, OrderHistory

app = typer.Typer(help="What is known of an order.", no_args_is_help=True)


@app.callback()
def _group() -> None:
    """What is known of an order."""


@app.command()
def show(
    order_no: Annotated[
        str, typer.Argument(metavar="ORDER_NO", help="Zeus's order number (オーダー番号).", callback=must_be_text, show_default=False)
    ],
    as_json: AsJson = False,
    personal: Personal = False,
) -> None:
    """Show an order with its calls, events, webhooks and attempts."""
    history = run(lambda desk: operating.show_order(desk.sessions, order_no, shown_to=desk.shown_to(personal)))
    if as_json:
        print_json(history)
        return
    print_fields({"order_no": history.order_no, **(_fields(history.order) if history.order else {"state": "never judged"})})
    if history.customer:
        print_fields({f"customer {name}": value for name, value in history.customer.items()})
    _print_history(history)


@app.command()
def erase(
    order_no: Annotated[
        str, typer.Argument(metavar="ORDER_NO", help="Zeus's order number (オーダー番号).", callback=must_be_text, show_default=False)
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase the personal data of an order: raw calls, customer, subscribers' answers. What was decided stays."""
    if not yes:
        typer.confirm("What is erased cannot be brought back. Go on?", abort=True)
    erased = run(lambda desk: erasure.erase_order(desk.sessions, desk.actor, order_no))
    if as_json:
        print_json(erased)
        return
    print_fields({"calls erased": erased.notices, "rejected samples removed": erased.samples})
    if erased.unjudged:
        typer.echo(f"{erased.unjudged} calls about it are not judged yet: run this again in a moment.")
    typer.echo("On each machine with a spool directory, run `zeus-relay spool forget` too.")


def _print_history(history: OrderHistory) -> None:
    typer.echo("\nCalls of Zeus")
    print_table(
        ["RECEIVED", "STATUS", "VERDICT", "REASONS", "FLAGS", "NOTICE"],
        [
            (notice.received_at, f"{notice.status} {notice.status_name}", notice.verdict, notice.reasons, notice.flags, notice.id)
            for notice in history.notices
        ],
    )
    typer.echo("\nEvents")
    print_table(
        ["MADE", "SEQ", "TYPE", "OCCURRENCE", "FLAGS", "EVENT"],
        [(event.timestamp, event.sequence, event.type, event.occurrence, event.data.get("flags"), event.id) for event in history.events],
    )
    typer.echo("\nWebhooks")
    for webhook in history.outbound_webhooks:
        due = f", due {webhook.due_at:%Y-%m-%d %H:%M:%SZ}" if webhook.due_at else ""
        typer.echo(f"{webhook.id}  {webhook.event_type} to {webhook.subscriber}: {webhook.state}{due}")
        for attempt in webhook.history:
            answer = f" {attempt.http_status}" if attempt.http_status else ""
            typer.echo(f"    {attempt.started_at:%Y-%m-%d %H:%M:%SZ}  {attempt.outcome}{answer}  {attempt.duration_ms} ms")


def _fields(order: Order) -> dict[str, object]:
    return {
        "status": f"{order.status} {order.status_name}",
        "state": order.state,
        "payable": order.payable,
        "final": order.final,
        "money": None if order.money is None else f"{order.money:,} yen",
        "store": order.store and f"{order.store.code} {order.store.name or ''}",
        **{number.label: number.value for number in order.payment_numbers},
        "deadline": order.payment_deadline,
        "IPコード": order.clientip,
        "sendid": order.sendid,
        "sendpoint": order.sendpoint,
        "flags": order.flags,
    }
