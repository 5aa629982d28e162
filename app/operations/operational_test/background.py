"""Sending an operational test in a task of the process, so that no request waits for Zeus."""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from app.applications.apply import Applicant
from app.applications.request import RequestFaulty, check_request
from app.applications.states import ApplicationState
from app.db.engine import Sessions
from app.logs import get_logger
from app.operations.access.permissions import Action, Actor
from app.operations.applications.errors import ApplicationsNotConfigured, RequestNotAcceptable
from app.operations.operational_test.plan import PlannedTest
from app.operations.operational_test.progress import read_progress
from app.operations.operational_test.sending import request_for, send_tests

_REMEMBERED: Final = 20

log = get_logger("applications")


@dataclass(slots=True)
class _Sending:
    """A run that this process sends or has sent."""

    tests: list[PlannedTest]
    task: asyncio.Task[None] | None = None
    error: Exception | None = None


class TestSender:
    """Sends runs in tasks of this process.

    What a process that ends leaves unsent is sent when the run is started again.
    """

    __test__ = False  # the name begins like a test of pytest

    def __init__(self, sessions: Sessions, applicant: Applicant | None) -> None:
        self._sessions = sessions
        self._applicant = applicant
        self._runs: dict[str, _Sending] = {}

    def asked_for(self, run: str) -> Sequence[PlannedTest]:
        """Return the tests of a run that this process was asked to send."""
        found = self._runs.get(run)
        return found.tests if found else ()

    def is_sending(self, run: str) -> bool:
        """Return True while tests of this run are being sent."""
        found = self._runs.get(run)
        return found is not None and found.task is not None and not found.task.done()

    def error_of(self, run: str) -> Exception | None:
        """Return why sending the run ended before its last test, or None."""
        found = self._runs.get(run)
        return found.error if found else None

    async def start(
        self,
        run: str,
        tests: Sequence[PlannedTest],
        customer: Mapping[str, str],
        actor: Actor,
        *,
        clientip: str | None = None,
    ) -> None:
        """Begin to send the tests of a run that were not sent before.

        A run that is being sent is left alone. Raise ApplicationsNotConfigured,
        RequestNotAcceptable or NotAllowed before anything is sent.
        """
        actor.demand(Action.APPLICATION_SENT)
        self._check(tests, customer, clientip)
        if self.is_sending(run):
            return
        sending = self._remember(run, tests)
        unsent = await self._unsent(run, tests)
        if not self.is_sending(run):  # another request may have begun meanwhile
            sending.task = asyncio.create_task(
                self._send(run, sending, unsent, customer, actor, clientip)
            )

    async def close(self) -> None:
        """Begin no further applications, and wait for the tasks."""
        tasks = [one.task for one in self._runs.values() if one.task is not None]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def _check(
        self, tests: Sequence[PlannedTest], customer: Mapping[str, str], clientip: str | None
    ) -> None:
        if self._applicant is None:
            raise ApplicationsNotConfigured
        try:
            for test in tests:
                request = request_for(test, customer, clientip)
                check_request(request.model_dump(exclude_unset=True), self._applicant.rules)
        except RequestFaulty as faulty:
            raise RequestNotAcceptable(faulty.faults) from None

    def _remember(self, run: str, tests: Sequence[PlannedTest]) -> _Sending:
        sending = self._runs.pop(run, None) or _Sending([])
        sending.tests += [test for test in tests if test not in sending.tests]
        sending.error = None
        self._runs[run] = sending
        for old in list(self._runs)[:-_REMEMBERED]:
            if not self.is_sending(old):
                del self._runs[old]
        return sending

    async def _unsent(self, run: str, tests: Sequence[PlannedTest]) -> Sequence[PlannedTest]:
        found = await read_progress(self._sessions, run, tests, mails_read=False)
        to_send = (None, ApplicationState.NOT_SENT)
        return [
            test for test, seen in zip(tests, found.tests, strict=True) if seen.state in to_send
        ]

    async def _send(
        self,
        run: str,
        sending: _Sending,
        tests: Sequence[PlannedTest],
        customer: Mapping[str, str],
        actor: Actor,
        clientip: str | None,
    ) -> None:
        try:
            await send_tests(
                self._sessions, self._applicant, tests, customer, actor, clientip=clientip
            )
        except Exception as error:  # its text may hold personal data: only its kind is logged
            sending.error = error
            log.warning("operational_test_stopped", run=run, error=type(error).__name__)
