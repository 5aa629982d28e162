"""`zeus-relay migrate`, `doctor`, `keygen` and `reseal`: setting up, and finding out what is wrong."""

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
            help="For developers: write a migration from what the tables lack.",
            callback=must_be_text,
            show_default=False,
        ),
    ] = None,
    grant: Annotated[
        list[str] | None,
        typer.Option(
            "--grant",
            metavar="PROCESS=ROLE",
            help="Give a role of the database the rights of receive, work or operate, and no others (repeatable).",
            show_default=False,
        ),
    ] = None,
) -> None:
    """Bring the database up to date; safe while the service runs."""
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
    """Say what is wrong with the configuration, and what to do about it. Exits with 1 if something cannot work."""
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
    """Encrypt all secrets anew with the first of RELAY_SECRET_KEYS, which every process must know already; older keys can go then."""
    done = run(lambda desk: reseal_secrets(desk.sessions, desk.vault, desk.actor))
    typer.echo(
        f"sealed again: {done.secrets} secrets, {done.transports} headers and certificates, {done.answers} kept answers"
    )
    if done.unopened:
        typer.echo(
            f"no key of RELAY_SECRET_KEYS opens what is kept for: {', '.join(done.unopened)}",
            err=True,
        )
        raise typer.Exit(FAILED)


def _print(findings: list[Finding]) -> None:
    for finding in findings:
        typer.echo(f"{_SIGNS[finding.level]}  {finding.subject}: {finding.message}")
        if finding.remedy:
            typer.echo(f"         -> {finding.remedy}")
