"""Options that choose orders, for several commands."""

from typing import Annotated

import typer

from app.cli.context import must_be_text
from app.events.types import OrderState
from app.operations.orders.real_or_test import WithTests

OrderNoOption = Annotated[
    str | None,
    typer.Option(
        "--order-no",
        help="Zeus's order number (オーダー番号), in full.",
        callback=must_be_text,
        show_default=False,
    ),
]
SendidOption = Annotated[
    str | None,
    typer.Option(
        "--sendid",
        help="Your own number (sendid), in full.",
        callback=must_be_text,
        show_default=False,
    ),
]
TelnoTailOption = Annotated[
    str | None,
    typer.Option(
        "--telno-tail",
        help="The last four digits of the telephone number.",
        callback=must_be_text,
        show_default=False,
    ),
]
MoneyOption = Annotated[
    str | None,
    typer.Option(
        "--money",
        metavar="YEN",
        help="The amount in yen.",
        callback=must_be_text,
        show_default=False,
    ),
]
DateOption = Annotated[
    str | None,
    typer.Option(
        "--date",
        help="The date of the first call in Japan, such as 2026-11-23.",
        callback=must_be_text,
        show_default=False,
    ),
]
StateOption = Annotated[
    OrderState | None,
    typer.Option("--state", help="Only orders in this state now.", show_default=False),
]
FromOption = Annotated[
    str | None,
    typer.Option(
        "--from",
        metavar="DAY",
        help="First day in Japan of the first call, such as 2026-11-01.",
        callback=must_be_text,
        show_default=False,
    ),
]
ToOption = Annotated[
    str | None,
    typer.Option(
        "--to",
        metavar="DAY",
        help="Last day in Japan of the first call.",
        callback=must_be_text,
        show_default=False,
    ),
]
TestsOption = Annotated[
    WithTests,
    typer.Option(
        "--test", help="Include or exclude orders of test applications, or show only these."
    ),
]
