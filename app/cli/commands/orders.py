"""`zeus-relay orders`: search, export, history, erasure and marks of orders."""

from typing import Annotated

import typer

from app.cli.context import CommandContext, given, must_be_text, run
from app.cli.order_options import (
    DateOption,
    FromOption,
    MoneyOption,
    OrderNoOption,
    SendidOption,
    StateOption,
    TelnoTailOption,
    TestsOption,
    ToOption,
)
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    Personal,
    print_end_of_page,
    print_fields,
    print_file,
    print_json,
    print_table,
)
from app.operations.exports.orders import orders_csv
from app.operations.maintenance import erasure
from app.operations.orders import history as operations
from app.operations.orders.history import Order, OrderHistory
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.search import OrderQuery, search_orders
from app.operations.pagination import DEFAULT_LIMIT, Place
from app.operations.reviews import unwanted as marks
from app.operations.reviews.unwanted import Unwanted

app = typer.Typer(help="Find, export, show, erase and mark orders.", no_args_is_help=True)

UnwantedOrderNo = Annotated[
    str | None,
    typer.Argument(
        metavar="ORDER_NO",
        help="Zeus's order number (オーダー番号).",
        callback=must_be_text,
        show_default=False,
    ),
]
UnwantedSendid = Annotated[
    str | None,
    typer.Option(
        "--sendid",
        help="Mark every order with this number of yours (sendid), also those to come.",
        callback=must_be_text,
        show_default=False,
    ),
]


@app.command()
def search(
    order_no: OrderNoOption = None,
    sendid: SendidOption = None,
    telno_tail: TelnoTailOption = None,
    money: MoneyOption = None,
    date: DateOption = None,
    state: StateOption = None,
    first_day: FromOption = None,
    last_day: ToOption = None,
    test: TestsOption = WithTests.INCLUDE,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """Find orders that match all options, newest first. Without options, list the newest."""
    query = given(
        OrderQuery,
        order_no=order_no,
        sendid=sendid,
        telno_tail=telno_tail,
        money=money,
        date=date,
        state=state,
        test=test,
        **{"from": first_day, "to": last_day},
    )
    page = run(lambda context: search_orders(context.sessions, Place(cursor, limit), query))
    if as_json:
        print_json(page)
        return
    if page.items:
        rows = [
            (
                order.order_no,
                order.state,
                order.money,
                order.store and order.store.name,
                order.sendid,
                order.created_at,
                "test" if order.test else None,
            )
            for order in page.items
        ]
        print_table(["ORDER_NO", "STATE", "YEN", "STORE", "SENDID", "FIRST CALL", "TEST"], rows)
    print_end_of_page(page, "No orders found.")


@app.command()
def export(
    order_no: OrderNoOption = None,
    sendid: SendidOption = None,
    telno_tail: TelnoTailOption = None,
    money: MoneyOption = None,
    date: DateOption = None,
    state: StateOption = None,
    first_day: FromOption = None,
    last_day: ToOption = None,
    test: TestsOption = WithTests.INCLUDE,
) -> None:
    """Write the orders that match all options to standard output, as CSV for spreadsheets."""
    query = given(
        OrderQuery,
        order_no=order_no,
        sendid=sendid,
        telno_tail=telno_tail,
        money=money,
        date=date,
        state=state,
        test=test,
        **{"from": first_day, "to": last_day},
    )
    run(lambda context: print_file(orders_csv(context.sessions, query)))


@app.command()
def show(
    order_no: Annotated[
        str,
        typer.Argument(
            metavar="ORDER_NO",
            help="Zeus's order number (オーダー番号).",
            callback=must_be_text,
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
    personal: Personal = False,
) -> None:
    """Show an order with its calls, events, webhooks and attempts."""
    history = run(
        lambda context: operations.show_order(
            context.sessions, order_no, shown_to=context.shown_to(personal)
        )
    )
    if as_json:
        print_json(history)
        return
    print_fields(
        {
            "order_no": history.order_no,
            **(_fields(history.order) if history.order else {"state": "never judged"}),
        }
    )
    print_fields(_decisions(history))
    if history.customer:
        print_fields({f"customer {name}": value for name, value in history.customer.items()})
    _print_history(history)


@app.command()
def unwanted(
    order_no: UnwantedOrderNo = None,
    sendid: UnwantedSendid = None,
    undo: Annotated[bool, typer.Option("--undo", help="Remove the mark.")] = False,
    as_json: AsJson = False,
) -> None:
    """Mark a purchase that you cancelled. If it is paid all the same, a review says so."""
    if (order_no is None) == (sendid is None):
        raise typer.BadParameter("give either ORDER_NO or --sendid")
    marked = run(lambda context: _marked(context, order_no, sendid or "", undo))
    if as_json and marked:
        print_json(marked)
    elif marked:
        typer.echo(f"{marked.kind} {marked.value} is unwanted; Zeus's slip can still be paid")
    else:
        typer.echo("removed; open reviews stay open")


async def _marked(
    context: CommandContext, order_no: str | None, sendid: str, undo: bool
) -> Unwanted | None:
    """Mark a purchase and return the mark, or remove it."""
    sessions, actor, rules = context.sessions, context.actor, context.decision_rules
    if undo and order_no is not None:
        await marks.want_order(sessions, order_no, actor)
    elif undo:
        await marks.want_sendid(sessions, sendid, actor)
    elif order_no is not None:
        return await marks.reject_order(sessions, order_no, actor, rules)
    else:
        return await marks.reject_sendid(sessions, sendid, actor, rules)
    return None


@app.command()
def erase(
    order_no: Annotated[
        str,
        typer.Argument(
            metavar="ORDER_NO",
            help="Zeus's order number (オーダー番号).",
            callback=must_be_text,
            show_default=False,
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", help="Do not ask for confirmation.")] = False,
    as_json: AsJson = False,
) -> None:
    """Erase an order's personal data: raw calls, customer, subscribers' answers. Verdicts stay."""
    if not yes:
        typer.confirm("Erased data cannot be restored. Continue?", abort=True)
    erased = run(lambda context: erasure.erase_order(context.sessions, context.actor, order_no))
    if as_json:
        print_json(erased)
        return
    print_fields({"calls erased": erased.notices, "rejected samples removed": erased.samples})
    if erased.unjudged:
        typer.echo(
            f"{erased.unjudged} calls of this order are not judged yet: "
            "run this command again in a moment."
        )
    typer.echo("On each machine with a spool directory, run `zeus-relay spool forget` too.")


def _print_history(history: OrderHistory) -> None:
    typer.echo("\nCalls of Zeus")
    print_table(
        ["RECEIVED", "STATUS", "VERDICT", "REASONS", "FLAGS", "NOTICE"],
        [
            (
                notice.received_at,
                f"{notice.status} {notice.status_name}",
                notice.verdict,
                notice.reasons,
                notice.flags,
                notice.id,
            )
            for notice in history.notices
        ],
    )
    typer.echo("\nEvents")
    print_table(
        ["MADE", "SEQ", "TYPE", "OCCURRENCE", "FLAGS", "EVENT"],
        [
            (
                event.timestamp,
                event.sequence,
                event.type,
                event.occurrence,
                event.data.get("flags"),
                event.id,
            )
            for event in history.events
        ],
    )
    typer.echo("\nWebhooks")
    for webhook in history.outbound_webhooks:
        due = f", due {webhook.due_at:%Y-%m-%d %H:%M:%SZ}" if webhook.due_at else ""
        typer.echo(
            f"{webhook.id}  {webhook.event_type} to {webhook.subscriber}: {webhook.state}{due}"
        )
        for attempt in webhook.history:
            answer = f" {attempt.http_status}" if attempt.http_status else ""
            typer.echo(
                f"    {attempt.started_at:%Y-%m-%d %H:%M:%SZ}  {attempt.outcome}{answer}"
                f"  {attempt.duration_ms} ms"
            )


def _decisions(history: OrderHistory) -> dict[str, object]:
    open_reviews = [review for review in history.reviews if review.settled_at is None]
    return {
        "release": history.release.state,
        "unwanted": history.unwanted,
        "open reviews": [f"{review.reason} {review.id}" for review in open_reviews],
    }


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
        "application": order.application_id,
        "test": order.test,
        "flags": order.flags,
    }
