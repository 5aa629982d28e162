"""`zeus-relay tokens`: access to the API and the console."""

from datetime import timedelta
from typing import Annotated

import typer

from app.cli.context import given, must_be_text, run
from app.cli.output import AsJson, print_fields, print_json, print_table
from app.operations.access import tokens as operations
from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken
from app.settings import parse_duration

app = typer.Typer(help="Tokens for the API and the console.", no_args_is_help=True)

Name = Annotated[
    str,
    typer.Argument(help="The token's name: its user's.", callback=must_be_text, show_default=False),
]


@app.command()
def create(
    name: Name,
    role: Annotated[
        Role,
        typer.Option(
            "--role",
            help="viewer reads; operator also acts; admin also manages subscribers.",
            show_default=False,
        ),
    ],
    expires: Annotated[
        str | None,
        typer.Option(
            "--expires",
            help="Time until it expires, such as 90d. (default: never)",
            show_default=False,
        ),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Create a token. It is shown only once."""
    new = given(NewToken, name=name, role=role, expires_days=_days(expires))
    created = run(lambda context: operations.create_token(context.sessions, new, context.actor))
    if as_json:
        print_json(created)
        return
    print_fields(
        {
            "name": created.name,
            "role": created.role,
            "expires": created.expires_at,
            "token": created.token,
        }
    )
    typer.echo("The token is not shown again.", err=True)


@app.command("list")
def list_(as_json: AsJson = False) -> None:
    """List the tokens that are not revoked."""
    found = run(lambda context: operations.list_tokens(context.sessions))
    if as_json:
        print_json(found)
    elif not found.items:
        typer.echo("There are no tokens; `zeus-relay tokens create NAME --role ROLE` creates one.")
    else:
        rows = [
            (token.name, token.role, token.created_at, token.last_used_at, token.expires_at)
            for token in found.items
        ]
        print_table(["NAME", "ROLE", "CREATED", "LAST USED", "EXPIRES"], rows)


@app.command()
def revoke(name: Name) -> None:
    """Revoke a token. Every process rejects it within a few seconds."""
    run(lambda context: operations.revoke_token(context.sessions, name, context.actor))
    typer.echo(f"revoked {name}")


def _days(duration: str | None) -> float | None:
    if duration is None:
        return None
    try:
        return parse_duration(duration) / timedelta(days=1)
    except (ValueError, OverflowError):
        raise typer.BadParameter("must be a duration such as 90d", param_hint="--expires") from None
