"""`zeus-relay onboarding --apply`: sends the test applications and waits for calls and mails."""

import asyncio
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

import typer

from app.applications.states import ApplicationState, TestKind
from app.cli.context import FAILED, CommandContext
from app.cli.output import print_json, print_table
from app.clock import now
from app.operations.applications.applicant import applicant_of
from app.operations.applications.errors import RequestNotAcceptable
from app.operations.operational_test.models import OperationalTest, TestCall, TestMail, TestProgress
from app.operations.operational_test.plan import is_played, new_run, planned
from app.operations.operational_test.progress import mails_come, read_progress
from app.operations.operational_test.sending import send_tests
from app.zeus.stores import Store

_POLL_SECONDS = 0.5
_OPTIONS = {
    "/customer/name": "--name",
    "/customer/telno": "--telno",
    "/customer/email": "--email",
    "/clientip": "--clientip",
    "/test": "RELAY_TEST_ID",
}
"""Option or setting to change for a fault at each place of the request."""
GRACE = timedelta(minutes=5)
"""Time beside Zeus's half an hour in which a late call is still waited for."""


@dataclass(frozen=True, slots=True)
class TestOptions:
    """What the command line says about a run of the operational test."""

    __test__ = False  # the name begins like a test of pytest

    run: str | None
    stores: Sequence[Store]
    kinds: Sequence[TestKind]
    customer: Mapping[str, str]
    clientip: str | None
    wait: timedelta | None
    mails: bool | None
    as_json: bool


async def run_test(context: CommandContext, options: TestOptions) -> bool:
    """Send the tests, print what arrives, and return True if everything did."""
    if not is_played(now()):
        typer.echo("Zeus plays tests on weekdays from 9:00 to 17:30 in Japan.", err=True)
    run = options.run or new_run(now())
    typer.echo(f"run {run}", err=True)
    tests = planned(run, options.stores, options.kinds)
    applicant = applicant_of(context.settings, context.sessions)
    try:
        await send_tests(
            context.sessions,
            applicant,
            tests,
            options.customer,
            context.actor,
            clientip=options.clientip,
        )
    except RequestNotAcceptable as error:
        for fault in error.faults:
            named = _OPTIONS.get(fault.pointer, fault.pointer)
            typer.echo(f"{named}: {fault.message}", err=True)
        typer.echo("Nothing was sent.", err=True)
        raise typer.Exit(FAILED) from None
    finally:
        if applicant is not None:
            await applicant.close()
    found = await _wait(context, run, options)
    if options.as_json:
        print_json(found)
    else:
        _print(found)
    return found.complete


async def _wait(context: CommandContext, run: str, options: TestOptions) -> OperationalTest:
    """Return the progress once everything came, or when nothing more is waited for."""
    mails_read = options.mails
    if mails_read is None:
        mails_read = context.settings.reads_mailbox or await mails_come(context.sessions)
    tests = planned(run, options.stores, options.kinds)
    told: set[str] = set()
    begun_at = now()
    while True:
        found = await read_progress(context.sessions, run, tests, mails_read=mails_read)
        for line in _arrived(found):
            if line not in told:
                told.add(line)
                typer.echo(f"{_clear()}{line}", err=True)
        left = _left(found, begun_at, options.wait)
        if found.complete or left <= timedelta(0):
            return found
        _count_down(found, left)
        await asyncio.sleep(_POLL_SECONDS)


def _left(found: OperationalTest, begun_at: datetime, wait: timedelta | None) -> timedelta:
    """Return how long to wait on. Without `wait`, until Zeus should have played everything."""
    if wait is not None:
        return begun_at + wait - now()
    return timedelta(0) if found.due_at is None else found.due_at + GRACE - found.at


def _arrived(found: OperationalTest) -> Iterator[str]:
    """Yield a line for everything that came, in the order of the tests."""
    for test in found.tests:
        name = f"{test.store.name} {test.kind}"
        if test.state is not None:
            yield f"{name}: application {test.state} {test.order_no or ''}".rstrip()
        for call in test.calls:
            if call.at:
                yield f"{name}: call {call.status} {call.name}"
        for mail in test.mails:
            if mail.at:
                yield f"{name}: mail {mail.status} {mail.name}"


def _count_down(found: OperationalTest, left: timedelta) -> None:
    if not sys.stderr.isatty():
        return
    calls = sum(not call.at for test in found.tests for call in test.calls)
    mails = sum(not mail.at for test in found.tests for mail in test.mails)
    minutes, seconds = divmod(int(left.total_seconds()), 60)
    what = f"{calls} calls" + (f", {mails} mails" if found.mails_read else "")
    typer.echo(f"\rwaiting for {what}: {minutes:02}:{seconds:02} ", nl=False, err=True)


def _clear() -> str:
    return "\r\x1b[K" if sys.stderr.isatty() else ""


def _print(found: OperationalTest) -> None:
    typer.echo(_clear(), nl=False, err=True)
    print_table(
        ("store", "test", "application", "order_no", "numbers", "calls", "mails", "missing"),
        [_row(test, mails_read=found.mails_read) for test in found.tests],
    )
    typer.echo("\nEverything has arrived." if found.complete else "\nNot everything has arrived.")


def _row(test: TestProgress, *, mails_read: bool) -> tuple[object, ...]:
    return (
        test.store.name,
        test.kind,
        test.state or "not sent",
        test.order_no,
        "yes" if test.numbers_shown else "no",
        _statuses(test.calls),
        _statuses(test.mails) if mails_read else "not read",
        ", ".join(_missing(test)),
    )


def _statuses(arrived: Sequence[TestCall | TestMail]) -> str:
    return " ".join(one.status for one in arrived if one.at)


def _missing(test: TestProgress) -> Iterator[str]:
    """Yield what has not come as it must."""
    if test.state is not ApplicationState.ACCEPTED:
        yield "application"
        return
    for call in test.calls:
        if not call.at:
            yield f"call {call.status}"
        else:
            yield from (f"{call.status} without {name}" for name in call.absent)
            yield from (f"{call.status} with another {name}" for name in call.wrong)
    for mail in test.mails:
        if not mail.at:
            yield f"mail {mail.status}"
        elif not mail.believed:
            yield f"mail {mail.status} not believed"
