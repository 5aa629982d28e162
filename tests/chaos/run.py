"""Run of one line: set up, call, cause the outage, wait until all is settled, and judge."""

import asyncio
import os
import shutil
import traceback
from contextlib import suppress
from pathlib import Path

from tests.chaos.aftermath import gather, settle
from tests.chaos.caller import Caller
from tests.chaos.gauges import Gauges
from tests.chaos.load import Answer
from tests.chaos.plan import Effort, Felt, Line
from tests.chaos.postgres import Template
from tests.chaos.programs import ProgramMissing
from tests.chaos.silence import find_in_silence
from tests.chaos.site import Site, site
from tests.chaos.table import Row
from tests.chaos.verdict import find


async def run_line(line: Line, effort: Effort, template: Template, directory: Path) -> Row:
    """Run a line in a directory of its own, which is kept if it fails."""
    if line.needs_root and os.geteuid() != 0:
        return Row(
            line.outage, None, 0, 0, ["not run: needs root, for a network or a disk of its own"]
        )
    try:
        async with site(line, effort, template, _open_to_all(directory)) as made:
            row = await _run(line, made)
    except ProgramMissing as missing:
        row = Row(line.outage, None, 0, 0, [f"not run: {missing}"])
    except Exception:
        row = Row(
            line.outage,
            None,
            0,
            0,
            [f"broke off; see {directory}", *traceback.format_exc().splitlines()],
        )
    if not row.problems:
        shutil.rmtree(directory, ignore_errors=True)
    return row


def _open_to_all(directory: Path) -> Path:
    """Make a directory that servers of other users can reach."""
    directory.mkdir()
    directory.chmod(0o755)
    return directory


async def _run(line: Line, made: Site) -> Row:
    gauges = Gauges()
    watching = asyncio.create_task(gauges.watch(made))
    try:
        answers = await _call_during(line, made)
        unsettled = await settle(made)
    finally:
        watching.cancel()
        with suppress(asyncio.CancelledError):
            await watching
    observed = await gather(made, answers)
    finding = find(observed, line.slowest_s)
    silent = find_in_silence(observed) if line.timers else []
    own = await line.own.find(made, answers) if line.own and line.own.find else []
    # A call that reached Postgres before its receiver died, and was sent again, is there twice.
    resent = observed.notices.total() - len(answers)
    felt = {
        Felt.NOTHING: 1,
        Felt.SPOOLED: gauges.spooled,
        Felt.HELD: gauges.held,
        Felt.RESENT: resent,
    }[line.felt]
    unfelt = [] if felt > 0 else [f"nobody felt the outage: no call was {line.felt.value}"]
    return Row(
        line.outage,
        finding,
        gauges.spooled,
        gauges.held,
        [*unsettled, *finding.problems, *silent, *own, *made.problems, *unfelt],
    )


async def _call_during(line: Line, made: Site) -> list[Answer]:
    effort = made.effort
    if line.own:
        return await line.own.play(made)
    caller = await Caller.start(made.urls, effort.rate, effort.seconds, late=line.timers)
    try:
        await asyncio.sleep(effort.calm_s)
        await line.inject(made)
        await asyncio.sleep(effort.calm_s)
        return await caller.finish(effort.seconds)
    finally:
        await caller.close()
