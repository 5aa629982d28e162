"""Setup of delivery tests: subscribers and events in the database, and a running forwarder."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from ipaddress import ip_network
from typing import Any
from uuid import UUID

from cryptography.fernet import Fernet
from sqlalchemy import text

from app.clock import uuid7
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.db.notify import OUTBOUND, NotifyListener
from app.db.tables.orders import EventRow
from app.db.tables.subscribers import SubscriberRow, SubscriberSecretRow
from app.events.signature import new_secret
from app.forwarding.destinations.http.sender import TimeLimits
from app.forwarding.forwarder import Forwarder
from app.forwarding.options import ForwardingOptions
from app.forwarding.recovery_jobs import Progress, advance
from tests.forwarding.stored_events import fan_out
from tests.order_life.shop import FULL, Shop

KEY = Fernet.generate_key().decode()


def _data_of_a_payment() -> dict[str, Any]:
    (shop := Shop()).call(FULL)
    data: dict[str, Any] = shop.outcome.events[0]["data"]
    return data


OPTIONS = ForwardingOptions(
    schedule=(timedelta(0), timedelta(milliseconds=20), timedelta(milliseconds=20)),
    networks=(ip_network("127.0.0.0/8"),),
    allow_http=True,
    limits=TimeLimits(connect_s=0.5, total_s=0.5),
    stop_s=5,
)
PAYMENT_RECEIVED = _data_of_a_payment()


@dataclass(frozen=True)
class DeliverySetup:
    """Database with subscribers and events, and a forwarder."""

    sessions: Sessions
    url: str
    vault: Vault

    async def subscriber(self, url: str, **columns: Any) -> tuple[UUID, str]:
        """Add a subscriber. Return its id and its signing secret."""
        secret = new_secret()
        columns = {
            "id": uuid7(),
            "name": str(uuid7()),
            "customer": False,
            "state": "active",
            "event_types": None,
            **columns,
        }
        async with self.sessions.begin() as session:
            row = SubscriberRow(url=url, **columns)
            session.add(row)
            await session.flush()
            session.add(
                SubscriberSecretRow(
                    id=uuid7(), subscriber_id=row.id, sealed=self.vault.seal(secret)
                )
            )
        return row.id, secret

    async def event(
        self,
        order_no: str | None = None,
        sequence: int = 1,
        *,
        age: timedelta = timedelta(0),
        **columns: Any,
    ) -> UUID:
        """Add an event and fan it out. `age` makes its webhooks older."""
        order_no = order_no or str(uuid7())
        data = {**PAYMENT_RECEIVED, "order_no": order_no, "sequence": sequence}
        columns = {
            "type": "payment.received",
            "data": data,
            "customer": {"name": "コンビニ　タロウ"},
            **columns,
        }
        async with self.sessions.begin() as session:
            row = EventRow(
                id=uuid7(),
                order_no=order_no,
                sequence=sequence,
                created_at=datetime.now(UTC),
                **columns,
            )
            session.add(row)
            await session.flush()
            await fan_out(session, [row.id])
            await session.execute(
                text(
                    "UPDATE outbound_webhooks SET created_at = now() - CAST(:age AS interval) "
                    "WHERE event_id = :id"
                ),
                {"age": age, "id": row.id},
            )
        return row.id

    async def rows(self, query: str, **parameters: Any) -> list[Any]:
        """Return the rows of a query."""
        async with self.sessions() as session:
            return list((await session.execute(text(query), parameters)).all())

    async def run(self, query: str, **parameters: Any) -> None:
        """Execute and commit a statement."""
        async with self.sessions.begin() as session:
            await session.execute(text(query), parameters)

    async def states(self) -> list[str]:
        """Return the states of all outbound webhooks, oldest first."""
        return [
            row.state for row in await self.rows("SELECT state FROM outbound_webhooks ORDER BY id")
        ]

    async def outcomes(self) -> list[str]:
        """Return the outcomes of all attempts, oldest first."""
        return [row.outcome for row in await self.rows("SELECT outcome FROM attempts ORDER BY id")]

    async def work_off(self) -> list[Progress]:
        """Run all ready recovery jobs, as a worker does. Return each batch's progress."""
        batches: list[Progress] = []
        while True:
            async with self.sessions.begin() as session:
                progress = await advance(session)
            if progress is None:
                return batches
            batches.append(progress)

    @asynccontextmanager
    async def forwarder(self, **options: Any) -> AsyncIterator[Forwarder]:
        """Run a forwarder during the block."""
        listener = NotifyListener(self.url, (OUTBOUND,))
        forwarder = Forwarder(self.sessions, self.vault, listener, replace(OPTIONS, **options))
        running = asyncio.create_task(forwarder.run())
        try:
            yield forwarder
        finally:
            forwarder.stop()
            await running


async def until(condition: Callable[[], Awaitable[bool]], seconds: float = 10) -> None:
    """Return when `condition` holds; fail after `seconds`."""
    async with asyncio.timeout(seconds):
        while not await condition():
            await asyncio.sleep(0.01)
