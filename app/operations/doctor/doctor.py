"""Doctor: checks settings, keys, listeners, database and subscribers, with a remedy per finding."""

import asyncio
from pathlib import Path

from app.configured_files import read_configured_text
from app.crypto.vault import Vault
from app.db.connections import describe_error
from app.db.embedded import EmbeddedPostgresMissing, start_embedded
from app.db.engine import make_engine, make_sessions
from app.db.error_advice import problem_of
from app.db.migrations import current_revision, head
from app.db.sqlstates import DatabaseProblem
from app.network.kernel_queue import longest_backlog
from app.operations.access.generated_keys import admin_token_of, vault_of
from app.operations.doctor.applications import check_applications
from app.operations.doctor.database import check_fitness
from app.operations.doctor.findings import Finding, Level, error, ok, warning
from app.operations.doctor.machine import check_backlog, check_postgres, check_spool
from app.operations.doctor.mailbox import check_mailbox
from app.operations.doctor.ports import Use, use_of_port
from app.operations.doctor.public_url import check_callers, check_public_url
from app.operations.doctor.subscribers import check_subscribers
from app.operations.doctor.transactions import check_transactions
from app.settings import Settings, WrongSettings, service_variables, variable_of


async def check_up(settings: Settings) -> list[Finding]:
    """Run every check, from the settings to the subscribers, and return the findings."""
    findings = check_settings(settings)
    vault, found = check_keys(settings)
    findings += [
        *found,
        *await check_listeners(settings),
        *check_backlog(longest_backlog()),
        *await asyncio.to_thread(check_spool, settings),
    ]
    findings += await check_public_url(settings)
    findings += await check_applications(settings)
    findings += await check_mailbox(settings)
    url, found = await check_database(settings)
    findings += found
    if url is not None:
        findings += await _check_with_database(url, settings, vault)
    return findings


async def _check_with_database(url: str, settings: Settings, vault: Vault | None) -> list[Finding]:
    """Return the findings that need a usable database."""
    engine = make_engine(url, pool_size=1, application="zeus-relay doctor")
    sessions = make_sessions(engine)
    try:
        findings = [*await check_postgres(sessions), *await check_callers(sessions, settings)]
        findings += await check_transactions(sessions)
        if vault is not None:
            findings += await check_subscribers(sessions, vault, settings)
    finally:
        await engine.dispose()
    return findings


def check_settings(settings: Settings) -> list[Finding]:
    """Return warnings for valid settings that are probably unintended."""
    findings = [ok("settings", "every variable can be read"), *check_sources(settings)]
    if ignored := service_variables():
        remedy = "set enableServiceLinks: false for the pod, or give the Service another name"
        names = ", ".join(ignored)
        message = f"variables that Kubernetes sets for a Service are ignored: {names}"
        findings.append(warning("environment", message, remedy))
    if not settings.ip_codes:
        remedy = (
            f"set {variable_of('ip_codes')}: other services of Zeus use the same status codes "
            "with other meanings"
        )
        findings.append(warning("IPコード", "calls for any contract are accepted", remedy))
    if settings.allow_http_subscribers:
        remedy = f"unset {variable_of('allow_http_subscribers')} once every subscriber has https://"
        findings.append(warning("webhooks", "they may be sent unencrypted", remedy))
    return findings


def check_sources(settings: Settings) -> list[Finding]:
    """Return a warning if only this machine may call, or an error if the file is unreadable."""
    variable, file = variable_of("allowed_sources"), variable_of("allowed_sources_file")
    try:
        listed = (
            _lists_any(settings.allowed_sources_file) if settings.allowed_sources_file else False
        )
    except (OSError, UnicodeDecodeError) as failure:
        remedy = f"check that {file} names it correctly and that the receiver's user may read it"
        message = (
            f"their file cannot be read ({type(failure).__name__}), "
            "and no receiver starts without it"
        )
        return [error("sources", message, remedy)]
    if listed or settings.allowed_sources != Settings.model_fields["allowed_sources"].default:
        return []
    remedy = (
        f"put the addresses that Zeus's sales desk gave you into {variable}, "
        f"or into the file that {file} names"
    )
    return [warning("sources", "only this machine may call the notification endpoint", remedy)]


def _lists_any(file: Path) -> bool:
    """Return True if a file of sources has a line that is not only a comment."""
    return any(line.partition("#")[0].strip() for line in read_configured_text(file).splitlines())


def check_keys(settings: Settings) -> tuple[Vault | None, list[Finding]]:
    """Return the vault and a finding. Create the keys and the token of the data directory."""
    try:
        vault = vault_of(settings)
        admin_token_of(settings)
    except WrongSettings as wrong:
        return None, [error("keys", str(wrong), "set the variable")]
    return vault, [ok("keys", "keys for secrets and a token for the API exist")]


async def check_listeners(settings: Settings) -> list[Finding]:
    """Return findings about the addresses of both listeners: free, or answered by a zeus-relay."""
    addresses = {
        "public": (settings.public_host, settings.public_port),
        "operator": (settings.operator_host, settings.operator_port),
    }
    findings = []
    for name, (host, port) in addresses.items():
        use = await use_of_port(host, port)
        if use in (Use.FREE, Use.OURS):
            findings.append(ok(f"{name} listener", f"port {port} {use.value}"))
        else:
            remedy = (
                f"set {variable_of(f'{name}_host')} and {variable_of(f'{name}_port')} "
                "to a free address of this machine"
            )
            findings.append(error(f"{name} listener", f"port {port} {use.value}", remedy))
    return findings


async def check_database(settings: Settings) -> tuple[str | None, list[Finding]]:
    """Return the URL of a reachable database with the tables of this version, and findings.

    The URL is None if the database is not usable.
    """
    try:
        url = (
            settings.database_url.get_secret_value()
            if settings.database_url
            else start_embedded(settings.data_dir)
        )
        findings = await check_fitness(url)
        if any(finding.level is Level.ERROR for finding in findings):
            return None, findings
        revision = await current_revision(url)
    except EmbeddedPostgresMissing as missing:
        return None, [error("database", "there is none", str(missing))]
    except Exception as raised:
        if problem_of(raised) is None:
            raise
        remedy = f"check that it runs and that {variable_of('database_url')} is right"
        return None, [
            error(
                "database", f"{DatabaseProblem.UNREACHABLE.value}: {describe_error(raised)}", remedy
            )
        ]
    if revision != head():
        state = "has no tables" if revision is None else f"is at revision {revision}"
        return None, [
            *findings,
            error(
                "database", f"it {state}, this version needs {head()}", "run `zeus-relay migrate`"
            ),
        ]
    return url, [ok("database", f"it answers and is at revision {revision}"), *findings]
