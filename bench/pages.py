"""Paths of every page of the console and every list of the API, with blanks to fill in."""

from collections.abc import Sequence
from datetime import timedelta, timezone
from urllib.parse import quote

from app.clock import uuid7_floor
from app.db.connections import Connection
from app.operations.orders.search import order_cursor
from app.operations.pagination import cursor_of
from bench.long_life import TWO_YEARS, LongLife

_JAPAN = timezone(timedelta(hours=9))
REMEMBERED = ("/", "/subscribers", "/v1/overview")
"""Answers from memory, shared by all requests within three seconds."""

CONSOLE: Sequence[str] = (
    "/",
    "/orders",
    "/orders?cursor={order_cursor}",
    "/orders?order_no={order_no}",
    "/orders?sendid={sendid}",
    "/orders?telno_tail={tail}",
    "/orders?telno_tail=0000",
    "/orders?telno_tail=0000&cursor={order_cursor}",
    "/orders?telno_tail={tail}&date={date}",
    "/orders?telno_tail={tail}&sendid={sendid}",
    "/orders?telno_tail=0000&money=5300",
    "/orders?money=5400",
    "/orders?money=5400&cursor={order_cursor}",
    "/orders?money={money}&date={date}",
    "/orders?date={date}",
    "/orders/{order_no}",
    "/notices/{notice_id}",
    "/orders?state=paid",
    "/orders?state=paid&from={date}&to={date}",
    "/orders.csv?from={date}&to={date}",
    "/totals?from={date}&to={date}",
    "/totals.csv?from={date}&to={date}",
    "/orders?test=only",
    "/applications",
    "/applications?sendid={sendid}",
    "/applications?order_no={order_no}",
    "/applications?state=unknown",
    "/applications?test=only",
    "/applications/{application_id}",
    "/applications/{application_id}/page",
    "/apply",
    "/mails",
    "/mails?state=matched",
    "/mails?order_no={order_no}",
    "/mails/{mail_id}",
    "/attention",
    "/attention?reason=values_differ",
    "/reviews/{review_id}",
    "/reviews.csv?order_no={order_no}",
    "/reconciliations",
    "/reconciliations/{reconciliation_id}",
    "/reconciliations/{reconciliation_id}/progress",
    "/rejected-samples/{sample_id}",
    "/subscribers",
    "/add-subscriber",
    "/subscribers/{name}",
    "/subscribers/held",
    "/subscribers/{name}?cursor={webhook_cursor}",
    "/subscribers/{name}/progress?of={recovery_id}",
    "/audit",
    "/audit?cursor={id_cursor}",
    "/audit?operator=mori",
    "/audit?operator=mori&action=webhook.dismissed",
    "/audit?subject=order:{order_no}",
    "/onboarding",
    "/onboarding/progress",
    "/onboarding/report",
    "/tokens",
    "/settings",
)
API: Sequence[str] = (
    "/v1/overview",
    "/v1/attention",
    "/v1/orders?limit=200",
    "/v1/orders?sendid={sendid}&limit=200",
    "/v1/orders?telno_tail={tail}&limit=200",
    "/v1/orders?money=5400&limit=200&cursor={order_cursor}",
    "/v1/orders?date={date}&limit=200",
    "/v1/orders?state=paid&limit=200",
    "/v1/orders?state=paid&from={date}&to={date}&limit=200",
    "/v1/orders.csv?from={date}&to={date}",
    "/v1/totals?from={date}&to={date}&by=store",
    "/v1/totals.csv?from={date}&to={date}&by=clientip",
    "/v1/orders/{order_no}",
    "/v1/applications",
    "/v1/applications?sendid={sendid}&limit=200",
    "/v1/applications?order_no={order_no}",
    "/v1/applications?state=accepted&limit=200&cursor={id_cursor}",
    "/v1/applications/{application_id}",
    "/v1/applications/{application_id}/page",
    "/v1/mails",
    "/v1/mails?state=matched&limit=200&cursor={id_cursor}",
    "/v1/mails?order_no={order_no}",
    "/v1/mails/{mail_id}",
    "/v1/reviews",
    "/v1/reviews?open=true&reason=values_differ&limit=200",
    "/v1/reviews?open=false&limit=200",
    "/v1/reviews?order_no={order_no}",
    "/v1/reviews/{review_id}",
    "/v1/reviews.csv?order_no={order_no}",
    "/v1/unwanted/{unwanted}",
    "/v1/reconciliations",
    "/v1/reconciliations/{reconciliation_id}",
    "/v1/notices",
    "/v1/notices?limit=200&cursor={id_cursor}",
    "/v1/notices?order_no={order_no}",
    "/v1/notices?order_no={order_no}&verdict=duplicate",
    "/v1/notices?attention=true",
    "/v1/notices?verdict=accepted",
    "/v1/notices?verdict=duplicate&cursor={id_cursor}",
    "/v1/notices?verdict=conflict",
    "/v1/notices?verdict=quarantined&limit=200&cursor={id_cursor}",
    "/v1/notices?verdict=unjudged",
    "/v1/notices/{notice_id}",
    "/v1/rejected-samples",
    "/v1/rejected-samples/{sample_id}",
    "/v1/events",
    "/v1/events?limit=200&cursor={id_cursor}",
    "/v1/events?order_no={order_no}",
    "/v1/events?limit=200&after={feed_cursor}",
    "/v1/events/{event_id}",
    "/v1/events.jsonl?order_no={order_no}",
    "/v1/event-types",
    "/v1/outbound-webhooks",
    "/v1/outbound-webhooks?limit=200&cursor={webhook_cursor}",
    "/v1/outbound-webhooks?state=pending",
    "/v1/outbound-webhooks?state=delivered",
    "/v1/outbound-webhooks?state=dead&limit=200",
    "/v1/outbound-webhooks?state=cancelled",
    "/v1/outbound-webhooks?state=pending&state=dead",
    "/v1/outbound-webhooks?attention=true",
    "/v1/outbound-webhooks?subscriber={name}",
    "/v1/outbound-webhooks?subscriber={name}&state=delivered&cursor={webhook_cursor}",
    "/v1/outbound-webhooks?subscriber={name}&state=pending&state=dead",
    "/v1/outbound-webhooks?subscriber=held&state=delivered",
    "/v1/outbound-webhooks/{webhook_id}",
    "/v1/recoveries",
    "/v1/recoveries/{recovery_id}",
    "/v1/subscribers",
    "/v1/subscribers/{name}",
    "/v1/tokens",
    "/v1/audit",
    "/v1/audit?cursor={id_cursor}",
    "/v1/audit?operator=sato",
    "/v1/audit?action=webhook.dismissed",
    "/v1/audit?operator=mori&action=webhook.dismissed",
    "/v1/audit?subject=order:{order_no}",
)

_KNOWN = """
SELECT o.order_no, o.sendid, o.telno_tail, o.money, o.created_at,
  n.id AS notice_id, e.id AS event_id, e.position, w.id AS webhook_id,
  (SELECT id FROM rejected_samples ORDER BY id DESC OFFSET $2::int % 100 LIMIT 1) AS sample_id,
  (SELECT id FROM recovery_jobs LIMIT 1) AS recovery_id,
  (SELECT id FROM reviews ORDER BY id LIMIT 1) AS review_id,
  (SELECT id FROM reconciliations LIMIT 1) AS reconciliation_id,
  (SELECT value FROM unwanted LIMIT 1) AS unwanted,
  (SELECT id FROM applications ORDER BY id DESC OFFSET $2::int % 100 LIMIT 1) AS application_id,
  (SELECT id FROM mails ORDER BY id DESC OFFSET $2::int % 100 LIMIT 1) AS mail_id
FROM (
  SELECT * FROM orders WHERE created_at >= $1 AND sendid <> '' ORDER BY created_at, order_no LIMIT 1
) AS o
CROSS JOIN LATERAL (SELECT * FROM notices WHERE order_no = o.order_no ORDER BY id LIMIT 1) AS n
CROSS JOIN LATERAL (SELECT * FROM events WHERE order_no = o.order_no ORDER BY sequence LIMIT 1) AS e
CROSS JOIN LATERAL (SELECT * FROM outbound_webhooks WHERE event_id = e.id ORDER BY id LIMIT 1) AS w
"""


async def known(connection: Connection, life: LongLife, rounds: int) -> list[dict[str, str]]:
    """Return the values of the blanks for each round: one order, from across the two years."""
    return [
        await _known(connection, life, number, (number + 0.5) / rounds) for number in range(rounds)
    ]


async def _known(
    connection: Connection, life: LongLife, number: int, back: float
) -> dict[str, str]:
    moment = life.until - timedelta(days=1 + (TWO_YEARS - 30) * back)
    row = await connection.fetchrow(_KNOWN, moment, number)
    assert row is not None, "there is an order behind every moment"
    values = {
        "order_no": row["order_no"],
        "sendid": row["sendid"],
        "tail": row["telno_tail"],
        "money": row["money"],
        "date": row["created_at"].astimezone(_JAPAN).date(),
        "notice_id": row["notice_id"],
        "event_id": row["event_id"],
        "webhook_id": row["webhook_id"],
        "sample_id": row["sample_id"],
        "recovery_id": row["recovery_id"],
        "review_id": row["review_id"],
        "reconciliation_id": row["reconciliation_id"],
        "unwanted": row["unwanted"],
        "application_id": row["application_id"],
        "mail_id": row["mail_id"],
        "name": ("shop", "books")[number % 2],
        "order_cursor": order_cursor(row["created_at"], row["order_no"]),
        "id_cursor": cursor_of(uuid7_floor(row["created_at"])),
        "webhook_cursor": cursor_of(row["webhook_id"]),
        "feed_cursor": cursor_of(row["position"]),
    }
    return {name: quote(str(value), safe="") for name, value in values.items()}
