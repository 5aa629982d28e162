"""Applying: an application is recorded, sent once, and its answer recorded.

A row in the state `sending` is committed before the POST. Whatever ends the process in between
leaves that row, and nothing ever sends it again.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import AsyncSession

from app.applications import table
from app.applications.answers import record_outcome
from app.applications.outcomes import SendOutcome, not_sent, outcome_of
from app.applications.request import CheckedRequest, RequestRules
from app.applications.sending.client import ZeusClient
from app.applications.sending.exchange import ZeusExchange
from app.applications.sending.send_limits import SendLimits
from app.applications.states import ApplicationState
from app.clock import uuid7
from app.crypto.reference import ReferenceKeys
from app.db.connections import CONNECT_ERRORS, describe_error
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.logs import get_logger
from app.metrics import application_seconds, applications_sent
from app.zeus.application import encode_form

LOST_AFTER = timedelta(seconds=20)
"""Time beside that for the answer, after which a sender counts as gone."""
_LATEST_START_SECONDS = 5.0
"""Nothing is sent later than this after recording began: the process may have been held up, and
others may take the application for lost meanwhile."""
_RECORD_SECONDS = 25.0
"""Time for which recording an answer is tried again while Postgres is away."""
_RETRY_SECONDS = 0.5

Recorded = Callable[[AsyncSession, ApplicationRow], Awaitable[None]]

log = get_logger("applications")


class KeyTaken(Exception):
    """The idempotency key belongs to another request."""


class ReplacedUnknown(Exception):
    """No application has the id that the request replaces."""


class ApplicationExists(Exception):
    """An application with this sendid is alive or unknown; `application_id` is its id."""

    def __init__(self, application_id: UUID) -> None:
        super().__init__(str(application_id))
        self.application_id = application_id


class Applicant:
    """Applies to Zeus. One in a process; any number of processes share the table."""

    def __init__(
        self,
        sessions: Sessions,
        client: ZeusClient,
        keys: ReferenceKeys,
        rules: RequestRules,
        *,
        answer_within: timedelta,
    ) -> None:
        """`answer_within` is the time after which `client` gives an answer up."""
        self._sessions = sessions
        self._client = client
        self._keys = keys
        self.rules = rules
        self._lost_after = answer_within + LOST_AFTER
        self._limits = SendLimits()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def apply(
        self, request: CheckedRequest, key: str, by: str, on_recorded: Recorded
    ) -> ApplicationRow:
        """Return the application of this key, after its answer if this call sends it.

        The same key gives the same application, in its state of now; only one that was surely not
        sent is sent again. `on_recorded` runs in the transaction before a POST. The POST goes on
        when the caller is cancelled. Raise KeyTaken, ReplacedUnknown or ApplicationExists.
        """
        task = asyncio.create_task(self._run(request, key, by, on_recorded))
        self._keep_running(task)
        return await asyncio.shield(task)

    async def close(self) -> None:
        """Wait for the POSTs in flight, then close the client."""
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._client.close()

    def _keep_running(self, task: asyncio.Task[Any]) -> None:
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # its caller may be gone

    async def _run(
        self, request: CheckedRequest, key: str, by: str, on_recorded: Recorded
    ) -> ApplicationRow:
        begun_at = time.monotonic()
        row, is_ours = await self._record(request, key, by, on_recorded)
        if not is_ours:
            return row
        outcome = await self._send(row, begun_at)
        applications_sent.labels(outcome.state.value).inc()
        return await self._keep(row, outcome)

    async def _send(self, row: ApplicationRow, begun_at: float) -> SendOutcome:
        async with self._limits.slot() as refusal:
            if refusal is not None:
                return not_sent(refusal)
            if time.monotonic() - begun_at > _LATEST_START_SECONDS:
                return not_sent("it took too long to begin, so nothing was sent")
            exchange = await self._client.post(row.form)
            outcome = outcome_of(exchange, row.pay_cvs)
            self._limits.note(outcome.state is ApplicationState.NOT_SENT)
        _note(row, outcome, exchange)
        return outcome

    async def _record(
        self, request: CheckedRequest, key: str, by: str, on_recorded: Recorded
    ) -> tuple[ApplicationRow, bool]:
        """Return the application, and True if it was recorded here and is to be sent."""
        written = None
        try:
            async with self._sessions.begin() as session:
                row, is_ours = await self._write(session, request, key, by)
                if not is_ours:
                    return row, False
                written = row.id, row.tries  # a failed commit leaves a row without values
                await on_recorded(session, row)
        except (SQLAlchemyError, *CONNECT_ERRORS):
            if written is not None:
                # The commit may have come through all the same. Nothing was sent, so say that.
                self._keep_running(asyncio.create_task(self._take_back(*written)))
            raise
        return row, True

    async def _write(
        self, session: AsyncSession, request: CheckedRequest, key: str, by: str
    ) -> tuple[ApplicationRow, bool]:
        """Write a row in the state `sending`: a new one, or that of this key if it was not sent.

        Return it and True, or the application that has the key and False.
        """
        sendid = request.sendid if self.rules.one_purchase else None
        await table.lock(session, key, request.clientip, sendid)
        while (row := await self._add(session, request, key, by)) is None:
            known = await table.find_by_key(session, key)
            if known is None:
                # It raises, unless what was in the way has just ended.
                await self._guard(session, request, [])
            elif not _may_be_sent(known, request):
                return known, False
            else:
                return await self._write_again(session, request, known), True
        return row, True

    async def _write_again(
        self, session: AsyncSession, request: CheckedRequest, known: ApplicationRow
    ) -> ApplicationRow:
        """Write the row of an application that was not sent in the state `sending` once more."""
        await self._guard(session, request, [known.id])
        form = encode_form(request.form_values(known.sendpoint))
        return await table.send_again(session, known, form, request.customer, self._lost_after)

    async def _add(
        self, session: AsyncSession, request: CheckedRequest, key: str, by: str
    ) -> ApplicationRow | None:
        """Add a new row. Return None if its key is known, or if _guard has a reason against it."""
        application_id = uuid7()
        sendpoint = request.sendpoint or self._keys.make(application_id, request.clientip)
        values = _columns(request, sendpoint) | {"id": application_id, "key": key, "created_by": by}
        guarded = self.rules.one_purchase
        return await table.add(session, values, self._lost_after, one_purchase=guarded)

    async def _guard(
        self, session: AsyncSession, request: CheckedRequest, passed: list[UUID]
    ) -> None:
        """Raise ReplacedUnknown or ApplicationExists if nothing may be sent for this request.

        Those in `passed`, and the one that is replaced, may be alive.
        """
        if request.replaces is not None:
            if await table.find(session, request.replaces) is None:
                raise ReplacedUnknown
            passed = [*passed, request.replaces]
        if not self.rules.one_purchase or not request.sendid:
            return
        live = await table.live_application(session, request.clientip, request.sendid, passed)
        if live is not None:
            raise ApplicationExists(live)

    async def _keep(self, row: ApplicationRow, outcome: SendOutcome) -> ApplicationRow:
        """Record the outcome, again and again for a while if Postgres is away.

        What is not recorded in the end is `unknown` once `lost_after` has passed.
        """
        give_up_at = time.monotonic() + _RECORD_SECONDS
        while True:
            try:
                return await record_outcome(self._sessions, row.id, row.tries, outcome)
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("answer_not_recorded", error=describe_error(error))
                if time.monotonic() > give_up_at:
                    raise
            await asyncio.sleep(_RETRY_SECONDS)

    async def _take_back(self, application_id: UUID, tries: int) -> None:
        """Mark an application as not sent whose recording may or may not have been committed."""
        give_up_at = time.monotonic() + _RECORD_SECONDS
        while time.monotonic() < give_up_at:
            await asyncio.sleep(_RETRY_SECONDS)
            try:
                outcome = not_sent("recording failed, so nothing was sent")
                await record_outcome(self._sessions, application_id, tries, outcome)
            except LookupError:
                return  # the commit did not come through
            except (SQLAlchemyError, *CONNECT_ERRORS) as error:
                log.warning("answer_not_recorded", error=describe_error(error))
            else:
                return


def _may_be_sent(row: ApplicationRow, request: CheckedRequest) -> bool:
    """Return True if this application can be sent again. Raise KeyTaken for another request."""
    if row.request_hash != request.digest:
        raise KeyTaken
    return row.state == ApplicationState.NOT_SENT


def _columns(request: CheckedRequest, sendpoint: str) -> dict[str, object]:
    return {
        "request_hash": request.digest,
        "clientip": request.clientip,
        "money": request.money,
        "pay_cvs": request.pay_cvs,
        "sendid": request.sendid,
        "sendpoint": sendpoint,
        "test": request.test.value if request.test else None,
        "replaces": request.replaces,
        "customer": dict(request.customer),
        "form": encode_form(request.form_values(sendpoint)),
    }


def _note(row: ApplicationRow, outcome: SendOutcome, exchange: ZeusExchange) -> None:
    if exchange.status is not None:
        application_seconds.observe(exchange.seconds)
    log.info(
        "application_sent",
        application=str(row.id),
        state=outcome.state.value,
        zeus_code=outcome.error_code,
        failure=outcome.failure,
        seconds=round(exchange.seconds, 3),
    )
