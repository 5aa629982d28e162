"""Prometheus metrics of all processes."""

import platform
from importlib.metadata import version

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Info, generate_latest

registry = CollectorRegistry()

build = Info("zeus_relay_build", "Version of the running program", registry=registry)
build.info({"version": version("zeus-relay"), "python": platform.python_version()})

calls_answered = Counter(
    "zeus_relay_calls_answered",
    "Calls to the notification endpoint, by HTTP status answered",
    ["status"],
    registry=registry,
)
for _status in ("200", "400", "403", "405", "500", "503", "none"):
    # Shown from the start: Prometheus sees no increase in a counter that appears with the value 1.
    calls_answered.labels(_status)
calls_rejected = Counter(
    "zeus_relay_calls_rejected",
    "Calls rejected by the receiver, by reason",
    ["reason"],
    registry=registry,
)
calls_let_in = Counter(
    "zeus_relay_calls_let_in",
    "Calls from sources that are not allowed, recorded because RELAY_SOURCE_MODE is observe",
    registry=registry,
)
samples_kept = Counter(
    "zeus_relay_rejected_samples_kept", "Rejected calls kept as samples", registry=registry
)
connections_open = Gauge(
    "zeus_relay_connections_open", "Connections to the public listener", registry=registry
)
connections_dropped = Counter(
    "zeus_relay_connections_dropped",
    "Connections to the public listener that were dropped, by reason",
    ["reason"],
    registry=registry,
)
answer_seconds = Histogram(
    "zeus_relay_answer_seconds",
    "Time from the arrival of a call to its answer",
    buckets=(0.002, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 40),
    registry=registry,
)
applications_sent = Counter(
    "zeus_relay_applications_sent",
    "Applications that were sent or tried, by the state after it",
    ["state"],
    registry=registry,
)
for _state in ("accepted", "failed", "rejected", "not_sent", "unknown"):
    applications_sent.labels(_state)
application_seconds = Histogram(
    "zeus_relay_application_seconds",
    "Time from sending an application to the end of Zeus's answer",
    buckets=(0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20, 40),
    registry=registry,
)
arrival_wait_seconds = Histogram(
    "zeus_relay_arrival_wait_seconds",
    "Time that requests to the public listener waited in the kernel until they were read; "
    "zeus_relay_answer_seconds includes it",
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 40),
    registry=registry,
)
accept_queue_connections = Gauge(
    "zeus_relay_accept_queue_connections",
    "Connections to the public listener that wait to be accepted",
    registry=registry,
)
accept_queue_limit = Gauge(
    "zeus_relay_accept_queue_limit",
    "Connections to the public listener that may wait to be accepted; more are dropped",
    registry=registry,
)
accept_queue_overflows = Counter(
    "zeus_relay_accept_queue_overflows",
    "Times that a full accept queue dropped a connection, of all listeners of this machine or "
    "container",
    registry=registry,
)
loop_lag_seconds = Histogram(
    "zeus_relay_loop_lag_seconds",
    "Delay of the event loop that answers calls",
    buckets=(0.005, 0.025, 0.1, 0.25, 0.5, 1, 2.5, 5, 10),
    registry=registry,
)
append_batch_notices = Histogram(
    "zeus_relay_append_batch_notices",
    "Notices that shared one commit",
    buckets=(1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=registry,
)
database_available = Gauge(
    "zeus_relay_database_available",
    "1 while calls are recorded in Postgres, 0 while they go to the spool",
    registry=registry,
)
calls_held = Gauge(
    "zeus_relay_calls_held",
    "Calls that cannot be recorded and are held unanswered",
    registry=registry,
)
notices_refused = Counter(
    "zeus_relay_notices_refused",
    "Notices that Postgres rejects, kept in files of their own",
    registry=registry,
)
spool_records = Gauge(
    "zeus_relay_spool_records",
    "Notices in the spool directory that wait for Postgres",
    registry=registry,
)
spool_bytes = Gauge(
    "zeus_relay_spool_bytes", "Bytes of all files in the spool directory", registry=registry
)
spool_oldest_seconds = Gauge(
    "zeus_relay_spool_oldest_seconds",
    "Age of the oldest notice in the spool, 0 when empty",
    registry=registry,
)
spool_records_written = Counter(
    "zeus_relay_spool_records_written", "Notices written to the spool", registry=registry
)
spool_records_drained = Counter(
    "zeus_relay_spool_records_drained",
    "Notices brought from the spool to Postgres",
    registry=registry,
)
spool_failures = Counter(
    "zeus_relay_spool_failures", "Writes to the spool that failed", registry=registry
)
spool_files_lost = Counter(
    "zeus_relay_spool_files_lost",
    "Files of the spool that were removed, moved or replaced under the process that wrote them",
    registry=registry,
)
spool_entries_skipped = Counter(
    "zeus_relay_spool_entries_skipped",
    "Attempts to drain an entry of the spool directory that cannot be used",
    registry=registry,
)
spool_torn_bytes = Counter(
    "zeus_relay_spool_torn_bytes",
    "Damaged bytes found in the spool and moved to another file",
    registry=registry,
)
notices_judged = Counter(
    "zeus_relay_notices_judged", "Notices judged, by verdict", ["verdict"], registry=registry
)
events_created = Counter(
    "zeus_relay_events_created", "Events made, by type", ["type"], registry=registry
)
mails_judged = Counter(
    "zeus_relay_mails_judged",
    "Mails read, by the state that they got",
    ["state"],
    registry=registry,
)
mails_paired = Counter(
    "zeus_relay_mails_paired",
    "Mails by the end of their wait for a call: matched, missing, healed or copy",
    ["outcome"],
    registry=registry,
)
attempts_made = Counter(
    "zeus_relay_attempts",
    "HTTP attempts to deliver a webhook, by outcome",
    ["outcome"],
    registry=registry,
)
attempt_seconds = Histogram(
    "zeus_relay_attempt_seconds",
    "Duration of one HTTP attempt",
    buckets=(0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 15),
    registry=registry,
)
subscriber_signals = Counter(
    "zeus_relay_subscriber_signals",
    "Subscribers that began to fail, were paused or recovered, by type",
    ["type"],
    registry=registry,
)
webhooks_dead = Counter(
    "zeus_relay_webhooks_dead",
    "Outbound webhooks given up after the last attempt",
    registry=registry,
)
results_fenced_out = Counter(
    "zeus_relay_results_fenced_out",
    "Results that came after their lease had passed to another worker",
    registry=registry,
)
claim_batch_webhooks = Histogram(
    "zeus_relay_claim_batch_webhooks",
    "Webhooks claimed by one statement",
    buckets=(0, 1, 2, 4, 8, 16, 32, 64, 128, 256),
    registry=registry,
)
alerts_posted = Counter(
    "zeus_relay_alerts_posted",
    "Posts to RELAY_ALERT_URL, by outcome: taken or failed",
    ["outcome"],
    registry=registry,
)
mailbox_available = Gauge(
    "zeus_relay_mailbox_available",
    "1 while this process reads the mailbox, 0 after a failure; absent where nothing reads it",
    ["mailbox"],
    registry=registry,
)
mailbox_read_timestamp = Gauge(
    "zeus_relay_mailbox_read_timestamp_seconds",
    "Time at which the mailbox was last read to its end by this process",
    ["mailbox"],
    registry=registry,
)
mailbox_messages = Counter(
    "zeus_relay_mailbox_messages",
    "Messages of the mailbox, by what happened: kept, too_large, gone or unmarked",
    ["outcome"],
    registry=registry,
)
for _outcome in ("kept", "too_large", "gone", "unmarked"):
    mailbox_messages.labels(_outcome)
housekeeping_stopped = Gauge(
    "zeus_relay_housekeeping_stopped",
    "1 while nothing is erased or pruned by age, because clocks disagree",
    registry=registry,
)
log_lines_dropped = Counter(
    "zeus_relay_log_lines_dropped",
    "Log lines lost because their reader or their disk did not take them",
    registry=registry,
)
process_restarts = Counter(
    "zeus_relay_process_restarts",
    "Times that `zeus-relay up` started its second process again, because it had ended",
    registry=registry,
)
sends_in_flight = Gauge(
    "zeus_relay_sends_in_flight", "HTTP attempts in flight in this process", registry=registry
)
sends_hanging = Gauge(
    "zeus_relay_sends_hanging",
    "HTTP attempts in flight in this process for more than a second",
    registry=registry,
)
sends_capped = Gauge(
    "zeus_relay_sends_capped",
    "HTTP attempts in flight in this process to subscribers that are capped as slow or dead",
    registry=registry,
)
lookup_threads = Gauge(
    "zeus_relay_lookup_threads",
    "Threads of this process in a DNS lookup for a subscriber",
    registry=registry,
)
lookups_made = Counter(
    "zeus_relay_lookups",
    "DNS lookups for subscribers, by outcome: found, failed, fallback (last known address used), "
    "no_thread (postponed)",
    ["outcome"],
    registry=registry,
)
for _outcome in ("found", "failed", "fallback", "no_thread"):
    lookups_made.labels(_outcome)


def exposition() -> bytes:
    """Return all metrics of this process in the Prometheus text format."""
    return generate_latest(registry)
