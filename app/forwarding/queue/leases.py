"""Leases of claimed webhooks: SQL that renews and releases them. All times are the database's."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import text

from app.db.driver.direct import Statements
from app.db.tables.webhooks import STILL_PENDING
from app.forwarding.webhook import ClaimedWebhook

_HELD = f"""w.id = ANY (CAST(:ids AS bigint[])) AND w.id = held.id
  AND w.lease_token = held.token AND {STILL_PENDING}"""

RENEW = text(f"""
UPDATE outbound_webhooks w SET due_at = now() + CAST(:lease AS interval)
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE {_HELD}
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in

RELEASE = text(f"""
UPDATE outbound_webhooks w SET lease_token = NULL, due_at = now()
FROM unnest(CAST(:ids AS bigint[]), CAST(:tokens AS uuid[])) AS held (id, token)
WHERE {_HELD}
RETURNING w.id
""")  # noqa: S608 - only our own constants are put in


async def renew(
    session: Statements, webhooks: Sequence[ClaimedWebhook], *, lease: timedelta
) -> int:
    """Extend leases to `lease` from now. Return how many were still held. Never commit."""
    return len((await session.execute(RENEW, {**_held(webhooks), "lease": lease})).all())


async def release(session: Statements, webhooks: Sequence[ClaimedWebhook]) -> int:
    """Release unsent webhooks and make them due now. Return how many were held. Never commit."""
    return len((await session.execute(RELEASE, _held(webhooks))).all())


def _held(webhooks: Sequence[ClaimedWebhook]) -> dict[str, list[Any]]:
    return {
        "ids": [webhook.id for webhook in webhooks],
        "tokens": [webhook.lease_token for webhook in webhooks],
    }
