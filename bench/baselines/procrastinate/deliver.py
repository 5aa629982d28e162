"""Job of the baseline: post one signed event to one subscriber and store the attempt.

It runs in its own environment. `deliver.py defer DATABASE URL COUNT` queues so many events,
`deliver.py work DATABASE CONCURRENCY` delivers until nothing is left.
"""

import asyncio
import sys
import time
import uuid
from datetime import UTC, datetime

import httpx
import procrastinate
import psycopg_pool
from standardwebhooks import Webhook

SECRET = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYo="
_ATTEMPTS = """
CREATE TABLE IF NOT EXISTS baseline_attempts (
  id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, event_id uuid, started_at timestamptz,
  duration_ms int, http_status int
)"""
_ATTEMPT = """
INSERT INTO baseline_attempts (event_id, started_at, duration_ms, http_status)
VALUES (%s, %s, %s, %s)
"""


async def defer(application: procrastinate.App, database: str, url: str, count: int) -> None:
    """Make the schema and queue `count` events. stdin has the body, with ORDER-NO for the order."""
    body = sys.stdin.read()
    async with (
        psycopg_pool.AsyncConnectionPool(database, min_size=1) as pool,
        pool.connection() as connection,
    ):
        await connection.execute(_ATTEMPTS)
    await application.schema_manager.apply_schema_async()
    task = application.configure_task("deliver")
    for first in range(0, count, 1000):
        orders = [f"proc-{number}" for number in range(first, min(first + 1000, count))]
        await task.batch_defer_async(
            *(
                {"url": url, "event_id": str(uuid.uuid4()), "body": body.replace("ORDER-NO", order)}
                for order in orders
            )
        )


async def work(application: procrastinate.App, database: str, concurrency: int) -> None:
    """Deliver everything queued, so many concurrently, with one HTTP client and one pool."""
    limits = httpx.Limits(max_connections=concurrency, max_keepalive_connections=concurrency)
    async with (
        psycopg_pool.AsyncConnectionPool(database, min_size=4, max_size=10) as pool,
        httpx.AsyncClient(limits=limits, timeout=15) as client,
    ):

        @application.task(
            name="deliver", retry=procrastinate.RetryStrategy(max_attempts=10, exponential_wait=5)
        )
        async def deliver(url: str, event_id: str, body: str) -> None:
            started_at, started = datetime.now(UTC), time.monotonic()
            signature = Webhook(SECRET).sign(event_id, started_at, body)
            headers = {
                "content-type": "application/json",
                "webhook-id": event_id,
                "webhook-timestamp": str(int(started_at.timestamp())),
                "webhook-signature": signature,
            }
            response = await client.post(url, content=body.encode(), headers=headers)
            duration_ms = round(1000 * (time.monotonic() - started))
            async with pool.connection() as connection:
                await connection.execute(
                    _ATTEMPT, (event_id, started_at, duration_ms, response.status_code)
                )
            response.raise_for_status()

        await application.run_worker_async(
            concurrency=concurrency, wait=False, install_signal_handlers=False
        )


async def main() -> None:
    """Run the command line, and print the processor time in seconds."""
    verb, database, *rest = sys.argv[1:]
    before = time.process_time()
    application = procrastinate.App(
        connector=procrastinate.PsycopgConnector(conninfo=database, min_size=4, max_size=10)
    )
    async with application.open_async():
        if verb == "defer":
            await defer(application, database, rest[0], int(rest[1]))
        else:
            await work(application, database, int(rest[0]))
    print(time.process_time() - before)


if __name__ == "__main__":
    asyncio.run(main())
