"""Gauges of the database's current state, as the collector measures it."""

from prometheus_client import Gauge

from app.metrics import registry

GAUGES: list[Gauge] = []
"""Gauges of the database's current state.

Only a process that measures them exposes them: a zero of any other process would say that all is
well.
"""


def _gauge(name: str, documentation: str, *labels: str) -> Gauge:
    """Return a gauge that is not exposed before `expose`."""
    gauge = Gauge(name, documentation, labels, registry=None)
    GAUGES.append(gauge)
    return gauge


unjudged_notices = _gauge(
    "zeus_relay_unjudged_notices", "Notices that wait to be judged, counted up to 10,000"
)
unjudged_oldest_seconds = _gauge(
    "zeus_relay_unjudged_oldest_seconds", "Age of the oldest unjudged notice, 0 when there is none"
)
undelivered_webhooks = _gauge(
    "zeus_relay_undelivered_webhooks",
    "Webhooks that wait for delivery, counted up to 10,000, by subscriber",
    "subscriber",
)
undelivered_oldest_seconds = _gauge(
    "zeus_relay_undelivered_oldest_seconds",
    "Age of the oldest webhook that waits, 0 when there is none",
    "subscriber",
)
needs_attention = _gauge(
    "zeus_relay_needs_attention",
    "Notices and webhooks that need review, counted up to 10,000",
    "kind",
)
open_reviews = _gauge(
    "zeus_relay_open_reviews", "Open reviews, counted up to 10,000, by reason", "reason"
)
mails_open = _gauge(
    "zeus_relay_mails_open",
    "Mails that need a human, counted up to 10,000, by state: missing (their calls have not come), "
    "not_believed (of the last 24 hours), call_failed (CGI送信エラー通知)",
    "state",
)
last_mail_timestamp = _gauge(
    "zeus_relay_last_mail_timestamp_seconds", "Time of the last mail, 0 for never"
)
calls_with_mails = _gauge(
    "zeus_relay_calls_expecting_mail",
    "Calls of an hour that ended an hour ago, of which mails should tell; 0 where there are no "
    "mails",
)
calls_without_mail = _gauge(
    "zeus_relay_calls_without_mail", "Calls among these of which no believed mail tells"
)
subscribers = _gauge("zeus_relay_subscribers", "Subscribers, by state", "state")
subscriber_paused = _gauge(
    "zeus_relay_subscriber_paused", "1 for a subscriber that is paused, else 0", "subscriber"
)
last_call_timestamp = _gauge(
    "zeus_relay_last_call_timestamp_seconds", "Time of the last call, 0 for never"
)
usual_calls_per_hour = _gauge(
    "zeus_relay_usual_calls_per_hour",
    "Mean of the calls in this hour of the week over the last four weeks",
)
expected_calls_since_last = _gauge(
    "zeus_relay_expected_calls_since_last", "Calls expected in the time since the last one"
)
measured_timestamp = _gauge(
    "zeus_relay_measured_timestamp_seconds", "Time of the last measurement of the database"
)
certificate_expiry_timestamp = _gauge(
    "zeus_relay_public_certificate_expiry_timestamp_seconds",
    "Expiry of the certificate of RELAY_PUBLIC_URL; absent until it was seen",
    "host",
)
oldest_transaction_seconds = _gauge(
    "zeus_relay_oldest_transaction_seconds",
    "Age of the oldest transaction that keeps dead rows, by holder: session, prepared or replica",
    "holder",
)
replication_slot_active = _gauge(
    "zeus_relay_replication_slot_active", "1 for a replication slot that is read, else 0", "slot"
)
replication_slot_wal_bytes = _gauge(
    "zeus_relay_replication_slot_wal_bytes",
    "Bytes of write-ahead log that a replication slot keeps",
    "slot",
)
unknown_applications = _gauge(
    "zeus_relay_unknown_applications",
    "Applications with an unknown outcome, counted up to 10,000",
)
_exposed = False


def expose() -> None:
    """Expose GAUGES too, since this process measures them. Repeating it is harmless."""
    global _exposed  # noqa: PLW0603 - as global as the registry
    if not _exposed:
        _exposed = True
        for gauge in GAUGES:
            registry.register(gauge)
