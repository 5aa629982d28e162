"""`zeus-relay mails`: hand in mails of Zeus, and see what became of them."""

import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated, Final
from uuid import UUID

import typer

from app.cli.context import CommandContext, must_be_text, run
from app.cli.output import (
    AsJson,
    Cursor,
    Limit,
    Personal,
    print_end_of_page,
    print_fields,
    print_json,
    print_table,
)
from app.mailbox.states import MailState
from app.operations.mails import decisions
from app.operations.mails import mails as operations
from app.operations.mails.models import HandedIn, MailInFull, MailKindName
from app.operations.pagination import DEFAULT_LIMIT, Place

TRY_AGAIN: Final = 75
"""Exit code after which a mail server keeps the message and tries again (EX_TEMPFAIL)."""

app = typer.Typer(help="Mails of Zeus, the second source beside calls.", no_args_is_help=True)

MailId = Annotated[
    UUID, typer.Argument(metavar="ID", help="The mail's id (see list).", show_default=False)
]


@app.command("import")
def import_file(
    file: Annotated[
        typer.FileBinaryRead,
        typer.Argument(
            metavar="FILE",
            help="A message (.eml) or an mbox; - reads standard input.",
            show_default=False,
        ),
    ],
    as_json: AsJson = False,
) -> None:
    """Keep the messages of a file. Workers read them, match them with calls, and heal lost ones.

    Each message is kept once: importing it again is harmless. The exit code is 75 if they
    cannot be kept now, so that a mail server tries again later.
    """

    async def action(context: CommandContext) -> HandedIn:
        return await operations.hand_in(context.sessions, file, context.actor, "import")

    with _tried_again():
        found = run(action)
    if as_json:
        print_json(found)
        return
    print_fields(
        {
            "messages": found.messages,
            "known before": found.known,
            "too large": found.too_large,
        }
    )


@contextmanager
def _tried_again() -> Iterator[None]:
    """End with TRY_AGAIN, whatever fails: after another code a mail server drops the message."""
    try:
        yield
    except typer.Exit:
        raise typer.Exit(TRY_AGAIN) from None
    except Exception:
        traceback.print_exc()
        raise typer.Exit(TRY_AGAIN) from None


@app.command("list")
def list_all(
    state: Annotated[
        MailState | None, typer.Option(help="Only mails in this state.", show_default=False)
    ] = None,
    order_no: Annotated[
        str | None,
        typer.Option(
            help="Only mails about this order.", callback=must_be_text, show_default=False
        ),
    ] = None,
    kind: Annotated[
        MailKindName | None, typer.Option(help="Only mails of this kind.", show_default=False)
    ] = None,
    limit: Limit = DEFAULT_LIMIT,
    cursor: Cursor = None,
    as_json: AsJson = False,
) -> None:
    """List the mails, newest first."""
    page = run(
        lambda context: operations.list_mails(
            context.sessions, Place(cursor, limit), state=state, order_no=order_no, kind=kind
        )
    )
    if as_json:
        print_json(page)
        return
    if page.items:
        print_table(
            ("ID", "RECEIVED", "STATE", "KIND", "ORDER", "AMOUNT", "OCCURRED", "BELIEVED", "WHY"),
            [
                (
                    one.id,
                    one.received_at,
                    one.state,
                    one.kind_name,
                    one.order_no,
                    one.money,
                    one.occurred_at,
                    one.believed,
                    one.belief,
                )
                for one in page.items
            ],
        )
    print_end_of_page(page, "No mails found.")


@app.command()
def show(mail_id: MailId, as_json: AsJson = False, personal: Personal = False) -> None:
    """Show one mail: what it says, and what became of it."""
    _print(
        run(
            lambda context: operations.show_mail(
                context.sessions, mail_id, shown_to=context.shown_to(personal)
            )
        ),
        as_json,
    )


@app.command()
def heal(mail_id: MailId, as_json: AsJson = False) -> None:
    """Make up for the lost call of a believed mail: a notice is made of it and judged."""
    _print(
        run(
            lambda context: decisions.heal_mail(
                context.sessions, mail_id, context.actor, context.decision_rules
            )
        ),
        as_json,
    )


@app.command()
def dismiss(mail_id: MailId, as_json: AsJson = False) -> None:
    """Say that nothing follows from a mail."""
    _print(
        run(
            lambda context: decisions.dismiss_mail(
                context.sessions, mail_id, context.actor, context.decision_rules
            )
        ),
        as_json,
    )


def _print(found: MailInFull, as_json: bool) -> None:
    if as_json:
        print_json(found)
        return
    fields = found.model_dump(exclude={"text", "raw"})
    print_fields({name.replace("_", " "): value for name, value in fields.items()})
    if found.text is not None:
        typer.echo(f"\n{found.text}")
