"""`zeus-relay totals`: numbers of orders and sums of their money."""

from typing import Annotated

import typer

from app.cli.context import given, must_be_text, run
from app.cli.order_options import TestsOption
from app.cli.output import AsJson, print_json, print_table
from app.operations.orders.real_or_test import WithTests
from app.operations.orders.totals import Breakdown, Grouping, Totals, TotalsQuery, read_totals

_HEADINGS = {Grouping.DAY: "DAY", Grouping.STORE: "STORE", Grouping.CLIENTIP: "IPコード"}
_LEFT_OUT = {
    WithTests.EXCLUDE: "Orders of test applications are left out; see --test.",
    WithTests.ONLY: "Only orders of test applications.",
}


def totals(
    first_day: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="DAY",
            help="First day in Japan of the first call, such as 2026-11-01. "
            "(default: 30 days with --to)",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    last_day: Annotated[
        str | None,
        typer.Option(
            "--to",
            metavar="DAY",
            help="Last day in Japan of the first call. (default: today)",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    by: Annotated[
        Grouping, typer.Option("--by", help="Group by day, store chain or IP code.")
    ] = Grouping.DAY,
    test: TestsOption = WithTests.EXCLUDE,
    as_json: AsJson = False,
) -> None:
    """Count orders and add up their money, by day, store or IP code, and by state."""
    query = given(TotalsQuery, by=by, test=test, **{"from": first_day, "to": last_day})
    found = run(lambda context: read_totals(context.sessions, query))
    if as_json:
        print_json(found)
        return
    _print(found)
    if found.test is not WithTests.INCLUDE:
        typer.echo(_LEFT_OUT[found.test])


def _print(found: Totals) -> None:
    headings = [_HEADINGS[found.by], "ORDERS", "YEN", "PAYABLE", "PAYABLE YEN", "STATES"]
    rows = [
        (" ".join(filter(None, (group.key, group.name))), *_cells(group)) for group in found.groups
    ]
    print_table(headings, [*rows, ("total", *_cells(found.total))])


def _cells(part: Breakdown) -> tuple[object, ...]:
    return (
        part.orders,
        f"{part.money:,}",
        part.payable.orders,
        f"{part.payable.money:,}",
        [f"{total.state} {total.orders}" for total in part.states],
    )
