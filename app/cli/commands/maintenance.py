"""`zeus-relay migrate`, `doctor`, `keygen` and `reseal`: setup, diagnosis and key changes."""

import json
from typing import Annotated

import typer

from app.cli.context import FAILED, database_url_of, must_be_text, run, run_with_settings
from app.cli.new_migration import write_migration
from app.cli.output import AsJson
from app.db.grants import PROCESSES, Process, grant_to_roles
from app.db.migrations import migrate as migrate_database
from app.operations.access.generated_keys import new_key
from app.operations.doctor.doctor import check_up
from app.operations.doctor.findings import Finding, Level
from app.operations.maintenance.reseal import reseal as reseal_secrets
from app.settings import Settings
from app.terminal import print_json

_SIGNS = {Level.OK: "ok     ", Level.WARNING: "warning", Level.ERROR: "ERROR  "}


def migrate(
    new: Annotated[
        str | None,
        typer.Option(
            "--new",
            metavar="MESSAGE",
            help="For developers: write a migration from the differences between tables and code.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            metavar="PROCESS=ROLE",
            help=(
                "Grant a database role the rights of receive, work or operate, "
                "and no others (repeatable)."
            ),
            show_default=False,
        ),
    ] = None,
) -> None:
    """Migrate the database to the latest revision; safe while the service runs."""
    roles = dict(_process_and_role(text) for text in grant or [])

    async def action(settings: Settings) -> str:
        url = database_url_of(settings)
        revision = await migrate_database(url)
        if roles:
            await grant_to_roles(url, roles)
        return (
            f"the database is at revision {revision}"
            if new is None
            else f"wrote {await write_migration(url, new)}"
        )

    typer.echo(run_with_settings(action))


def doctor(as_json: AsJson = False) -> None:
    """Check the configuration and suggest a remedy for each problem.

    Exits with 1 if it finds an error.
    """
    findings = run_with_settings(check_up)
    if as_json:
        print_json(
            json.dumps(
                [finding.model_dump(mode="json") for finding in findings],
                ensure_ascii=False,
                indent=2,
            )
        )
    else:
        _print(findings)
    if any(finding.level is Level.ERROR for finding in findings):
        raise typer.Exit(FAILED)


def _process_and_role(text: str) -> tuple[Process, str]:
    name, _, role = text.partition("=")
    for process in PROCESSES:
        if name == process and role:
            return process, role
    raise typer.BadParameter(
        f"must be {', '.join(f'{process}=ROLE' for process in PROCESSES)}", param_hint="--grant"
    )


def keygen() -> None:
    """Print a new key for RELAY_SECRET_KEYS."""
    typer.echo(new_key())


def reseal() -> None:
    """Re-encrypt all secrets with the first key of RELAY_SECRET_KEYS.

    Every process must have that key already. Afterwards the older keys can be removed.
    """
    done = run(lambda context: reseal_secrets(context.sessions, context.vault, context.actor))
    typer.echo(
        f"re-encrypted: {done.secrets} secrets, "
        f"{done.transports} headers and certificates, {done.answers} stored answers, "
        f"{done.reference_keys} keys of references"
    )
    if done.unopened:
        typer.echo(
            f"no key in RELAY_SECRET_KEYS decrypts the secrets of: {', '.join(done.unopened)}",
            err=True,
        )
        raise typer.Exit(FAILED)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        typer.echo(f"{_SIGNS[finding.level]}  {finding.subject}: {finding.message}")
        if finding.remedy:
            typer.echo(f"         -> {finding.remedy}")
