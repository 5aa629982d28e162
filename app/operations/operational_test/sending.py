"""Sending the applications of an operational test, a few at a time and each once."""

import asyncio
from collections.abc import Mapping, Sequence

from app.applications.apply import Applicant
from app.db.engine import Sessions
from app.operations.access.permissions import Actor
from app.operations.applications.apply import apply_for_slip
from app.operations.applications.models import Application, NewApplication
from app.operations.operational_test.plan import PlannedTest

AT_ONCE = 3
"""Test applications on their way at the same time."""


def request_for(
    test: PlannedTest, customer: Mapping[str, str], clientip: str | None
) -> NewApplication:
    """Return the request for a test's slip."""
    return NewApplication(
        money=test.money,
        store=test.store.code,
        customer=dict(customer),
        sendid=test.sendid,
        test=test.kind.value,
        **({"clientip": clientip} if clientip else {}),
    )


async def send_tests(
    sessions: Sessions,
    applicant: Applicant | None,
    tests: Sequence[PlannedTest],
    customer: Mapping[str, str],
    actor: Actor,
    *,
    clientip: str | None = None,
) -> list[Application]:
    """Apply for each test with this customer, and return what came of them, in their order.

    A test that was sent before is not sent again, unless nothing of it reached Zeus. Raise what
    `apply_for_slip` raises; then the tests after it are not sent.
    """
    slots = asyncio.Semaphore(AT_ONCE)

    async def send(test: PlannedTest) -> Application:
        async with slots:
            request = request_for(test, customer, clientip)
            return await apply_for_slip(sessions, applicant, request, test.key, actor)

    if not tests:
        return []
    # The first alone: a wrong setting or customer is told once.
    first = await send(tests[0])
    return [first, *await asyncio.gather(*(send(test) for test in tests[1:]))]
