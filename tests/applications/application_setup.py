"""Setup of tests that apply: requests, applicants, and a simulated Zeus on a loopback port."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

from app.applications.apply import Applicant
from app.applications.request import CheckedRequest, RequestRules, check_request
from app.applications.sending.client import ZeusClient
from app.applications.table import find
from app.crypto.reference import ReferenceKeys
from app.db.engine import Sessions
from app.db.tables.applications import ApplicationRow
from app.main.process.listeners import HttpListener
from app.simulator.server.application import CVS_PATH, MARK, ConnectionProtocol, make_simulator
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import SlipStore
from app.zeus.application_answer import write_answer
from tests.forwarding.delivery_setup import KEY

CLIENTIP = "2012000001"
RULES = RequestRules(ip_codes=(CLIENTIP,), test_id="12345678")
KEYS = ReferenceKeys.derived_from([KEY])
SLIP = {
    "rel": "Success_order",
    "order_no": "1234-56789-01234",
    "pay_no1": "1234567890123",
    "pay_limit": "20991231",
    "pay_url": "https://pay.example/slip?a=1&b=2",
}


def request_json(**changes: Any) -> dict[str, Any]:
    """A good request, with changes."""
    good = {
        "money": 5400,
        "store": "seven_eleven",
        "customer": {
            "name": "コンビニ タロウ",
            "telno": "03-1234-5678",
            "email": "taro@example.com",
        },
        "sendid": "A-1001",
    }
    return good | changes


def checked(rules: RequestRules = RULES, **changes: Any) -> CheckedRequest:
    """A good request, checked."""
    return check_request(request_json(**changes), rules)


def ok_answer(body: bytes | None = None) -> bytes:
    """A whole HTTP answer with a slip, or with this body."""
    content = write_answer(SLIP) if body is None else body
    head = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n"
    return head % len(content) + content


@asynccontextmanager
async def applying(
    sessions: Sessions,
    url: str,
    *,
    seconds: float = 5.0,
    rules: RequestRules = RULES,
    **options: Any,
) -> AsyncIterator[Applicant]:
    """An applicant that posts to `url` and waits `seconds` for an answer."""
    client = ZeusClient(url, total_s=seconds, **options)
    applicant = Applicant(sessions, client, KEYS, rules, answer_within=timedelta(seconds=seconds))
    try:
        yield applicant
    finally:
        await applicant.close()


async def apply(
    applicant: Applicant, key: str = "key-1", request: CheckedRequest | None = None
) -> ApplicationRow:
    """Apply without an audit."""

    async def nothing(*_: Any) -> None:
        pass

    return await applicant.apply(request or checked(), key, "suzuki", nothing)


async def stored(sessions: Sessions, row: ApplicationRow) -> ApplicationRow:
    """The row of an application as it is now."""
    async with sessions() as session:
        found = await find(session, row.id)
    assert found is not None
    return found


@asynccontextmanager
async def simulated(**settings: Any) -> AsyncIterator[tuple[SimulatedZeus, str]]:
    """A simulated Zeus, and the URL that applications are posted to."""
    given = {"clientips": (CLIENTIP,), **settings}
    zeus = SimulatedZeus(SlipStore(), SimulatorSettings.model_validate(given))
    listener = HttpListener(
        make_simulator(zeus), "127.0.0.1", 0, protocol=ConnectionProtocol, headers=[MARK]
    )
    running = asyncio.create_task(listener.run())
    try:
        async with zeus.running():
            yield zeus, f"http://{listener.address}{CVS_PATH}"
    finally:
        listener.stop()
        await running
