"""`zeus-relay applications`: list, show and resolve applications."""

from typing import Annotated
from uuid import UUID

import typer

from app.applications.states import ApplicationState
from app.cli.commands.slips.printing import print_application
from app.cli.context import given, must_be_text, run
from app.cli.order_options import OrderNoOption, SendidOption, TestsOption
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    Personal,
    print_end_of_page,
    print_json,
    print_table,
)
from app.operations.applications import applications as operations
from app.operations.applications import resolve as resolving
from app.operations.applications.models import ApplicationResolution
from app.operations.orders.real_or_test import WithTests
from app.operations.pagination import DEFAULT_LIMIT, Place

app = typer.Typer(help="List, show and resolve applications for slips.", no_args_is_help=True)

ApplicationId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The application's id (see list).", show_default=False)
]


@app.command("list")
def list_(
    state: Annotated[
        ApplicationState | None,
        typer.Option("--state", help="Only applications in this state.", show_default=False),
    ] = None,
    sendid: SendidOption = None,
    order_no: OrderNoOption = None,
    test: TestsOption = WithTests.INCLUDE,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the applications that match all options, newest first."""
    page = run(
        lambda context: operations.list_applications(
            context.sessions,
            Place(cursor, limit),
            state=state,
            sendid=sendid,
            order_no=order_no,
            test=test.flag,
            support=context.settings.support_contact,
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        rows = [
            (
                one.created_at,
                one.state,
                one.money,
                one.store.name or one.store.code,
                one.sendid,
                one.order_no,
                one.test,
                one.id,
            )
            for one in page.items
        ]
        headings = ["CREATED", "STATE", "YEN", "STORE", "SENDID", "ORDER_NO", "TEST", "ID"]
        print_table(headings, rows)
    print_end_of_page(page, "No applications found.")


@app.command()
def show(
    application_id: ApplicationId, as_json: AsJson = False, personal: Personal = False
) -> None:
    """Show an application with the text for its customer."""
    application = run(
        lambda context: operations.show_application(
            context.sessions,
            application_id,
            shown_to=context.shown_to(personal),
            support=context.settings.support_contact,
        )
    )
    print_application(application, as_json=as_json)


@app.command()
def resolve(
    application_id: ApplicationId,
    order_no: Annotated[
        str | None,
        typer.Option(
            "--order-no",
            help="Zeus's order number of the slip, from Zeus's console.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    failed: Annotated[
        bool, typer.Option("--failed", help="Zeus's console has no slip for it.")
    ] = False,
    as_json: AsJson = False,
) -> None:
    """Resolve an application whose outcome is not known, after a look into Zeus's console."""
    if (order_no is None) != failed:
        raise typer.BadParameter("give either --order-no or --failed")
    resolution = given(
        ApplicationResolution, order_no=order_no, outcome="failed" if failed else None
    )
    application = run(
        lambda context: resolving.resolve_application(
            context.sessions,
            application_id,
            resolution,
            context.actor,
            support=context.settings.support_contact,
        )
    )
    print_application(application, as_json=as_json)
