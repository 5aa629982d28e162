"""Fan-out that leases the webhooks that this worker can send at once."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

from sqlalchemy.engine import RowMapping

from app.forwarding.fan_out import FANNED_OUT, WANTS_TESTS
from app.forwarding.immediate_leases import Room
from app.forwarding.queue.array_lookup import array_parameter, array_text, look_up
from app.forwarding.queue.claims import WEBHOOK_COLUMNS, webhook_of
from app.forwarding.webhook import ClaimedWebhook, DeliveryTarget

_BUSY = look_up(
    "busy", array_parameter("busy_ids", "uuid"), room=array_parameter("busy_room", "int")
)
_IS_READY = """s.state = 'active' AND s.capped_at IS NULL AND s.failures = 0
      AND s.last_success_at IS NOT NULL AND s.rate_limit IS NULL AND s.resumed_at IS NULL"""

# As FAN_OUT, but the webhooks that this worker may send at once are leased to it. Of each order the
# first one may, if none before it is pending: the judge holds the lane of the order, so none can
# come in between.
FAN_OUT_LEASED = f"""pairs AS MATERIALIZED (
  SELECT e.id AS event_id, s.id AS subscriber_id, e.order_no, e.sequence, s.ordered,
    CASE WHEN {_IS_READY} THEN coalesce(busy.room, s.max_in_flight) ELSE 0 END AS room
  FROM new_events e
  JOIN subscribers s ON s.state IN ('active', 'paused') AND NOT s.feed
    AND (s.event_types IS NULL OR e.type = ANY (s.event_types)) AND {WANTS_TESTS}
  {_BUSY}
  WHERE e.type = ANY (CAST(:types AS text[]))
  FOR KEY SHARE OF s
), placed AS MATERIALIZED (
  SELECT pairs.*, row_number() OVER (PARTITION BY subscriber_id ORDER BY event_id) AS place,
    row_number() OVER (PARTITION BY subscriber_id, order_no ORDER BY sequence) AS of_order
  FROM pairs
), judged AS MATERIALIZED (
  SELECT placed.*, CASE
    WHEN place > room THEN false
    WHEN NOT ordered OR order_no IS NULL THEN true
    WHEN of_order > 1 THEN false
    ELSE (
      SELECT true FROM outbound_webhooks earlier
      WHERE earlier.subscriber_id = placed.subscriber_id AND earlier.order_no = placed.order_no
        AND earlier.sequence < placed.sequence AND earlier.state = 'pending'
      ORDER BY earlier.sequence LIMIT 1) IS NULL
    END AS is_ready
  FROM placed
), shared AS (
  SELECT judged.*,
    is_ready AND row_number() OVER (ORDER BY NOT is_ready, place, event_id) <= :limit AS leased
  FROM judged
), made AS (
  INSERT INTO outbound_webhooks (event_id, subscriber_id, order_no, sequence, due_at, lease_token)
  SELECT event_id, subscriber_id, order_no, sequence,
    CASE WHEN leased THEN now() + CAST(:lease AS interval) ELSE now() END,
    CASE WHEN leased THEN CAST(:token AS uuid) END
  FROM shared
  ORDER BY event_id, subscriber_id
  ON CONFLICT DO NOTHING
  RETURNING id, event_id, subscriber_id, lease_token
), leased_fan_out AS (
  SELECT made.id, made.lease_token IS NOT NULL AS leased, clock_timestamp() AS claimed_at,
    0 AS attempts, 0 AS excused, made.event_id, made.subscriber_id, {WEBHOOK_COLUMNS},
    false AS capped, CAST(NULL AS int) AS rate,
    (SELECT true FROM subscribers WHERE feed AND state = 'active' LIMIT 1) IS NOT NULL AS has_feeds
  FROM made
  LEFT JOIN subscribers s ON s.id = made.subscriber_id AND made.lease_token IS NOT NULL
  LEFT JOIN new_events e ON e.id = made.event_id AND made.lease_token IS NOT NULL
)"""  # noqa: S608 - only our own constants are put in
"""CTE `leased_fan_out`: creates the webhooks of the events in the CTE `new_events`, as FAN_OUT
does, and leases those for which there is room. The lanes of their orders must be locked.
"""


class LeasedFanOut(NamedTuple):
    """Webhooks that were created: the leased ones, and the number of those that wait for a claim.

    `has_feeds` tells whether somebody polls the feed.
    """

    leased: Sequence[ClaimedWebhook]
    waiting: int
    has_feeds: bool

    @property
    def tells_nobody(self) -> bool:
        """True if it is certain that no forwarder and no reader of the feed waits for these."""
        return bool(self.leased) and not self.waiting and not self.has_feeds


def lease_parameters(room: Room) -> dict[str, Any]:
    """Return the parameters of FAN_OUT_LEASED."""
    busy = sorted(room.of_busy)
    return {
        "types": FANNED_OUT,
        "busy_ids": array_text(busy),
        "busy_room": array_text(max(room.of_busy[one], 0) for one in busy),
        "limit": room.limit,
        "lease": room.lease,
        "token": room.token,
    }


def read_leased(rows: Sequence[RowMapping], room: Room) -> LeasedFanOut:
    """Return the webhooks in the rows of `leased_fan_out`."""
    targets: dict[UUID, DeliveryTarget] = {}
    leased = [webhook_of(row, room.token, targets) for row in rows if row["leased"]]
    leased.sort(key=lambda webhook: webhook.id)
    return LeasedFanOut(leased, len(rows) - len(leased), any(row["has_feeds"] for row in rows))
