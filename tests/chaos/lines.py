"""Lines of the table, in the order in which they run."""

from tests.chaos import lost_calls, outages, overload
from tests.chaos.plan import Database, Felt, Front, Line, OwnPlay

_ALL = (
    Line(
        "postgres-stopped",
        "Postgres stopped and started",
        outages.postgres_stopped,
        felt=Felt.SPOOLED,
    ),
    Line("postgres-killed", "Postgres killed with -9", outages.postgres_killed, felt=Felt.SPOOLED),
    Line(
        "failover",
        "primary killed, standby promoted",
        outages.failover,
        database=Database.STANDBY,
        felt=Felt.SPOOLED,
    ),
    Line(
        "black-hole",
        "packets to Postgres dropped",
        outages.black_hole,
        database=Database.NETWORK,
        felt=Felt.SPOOLED,
    ),
    Line(
        "no-connections",
        "Postgres out of connections",
        outages.no_connections,
        felt=Felt.SPOOLED,
        server_options=("max_connections=40",),
    ),
    Line("table-lock", "a lock on the table of notices", outages.table_locked, felt=Felt.SPOOLED),
    Line("read-only", "Postgres takes no writes", outages.read_only, felt=Felt.SPOOLED),
    Line(
        "pgbouncer",
        "PgBouncer restarted twice",
        outages.pooler_restarted,
        database=Database.POOLER,
        felt=Felt.SPOOLED,
    ),
    Line(
        "restart-nginx",
        "each receiver restarted, behind nginx",
        outages.receivers_restarted,
        Front.NGINX,
    ),
    Line(
        "restart-caddy",
        "each receiver restarted, behind Caddy",
        outages.receivers_restarted,
        Front.CADDY,
    ),
    Line(
        "kill-nginx",
        "a receiver killed with -9, behind nginx",
        outages.receiver_killed,
        Front.NGINX,
        felt=Felt.RESENT,
    ),
    Line(
        "kill-caddy",
        "a receiver killed with -9, behind Caddy",
        outages.receiver_killed,
        Front.CADDY,
        felt=Felt.RESENT,
    ),
    Line("worker-killed", "each worker killed with -9", outages.worker_killed),
    Line(
        "timers",
        "workers killed with -9 while deadlines pass",
        outages.workers_killed_often,
        timers=True,
    ),
    Line("clocks", "workers with clocks 400 days off", outages.clocks_wrong),
    Line(
        "all-nginx",
        "Postgres and a receiver, behind nginx",
        outages.everything,
        Front.NGINX,
        felt=Felt.SPOOLED,
    ),
    Line(
        "all-caddy",
        "Postgres and the only receiver, behind Caddy",
        outages.everything,
        Front.CADDY,
        receivers=1,
        felt=Felt.SPOOLED,
    ),
    Line(
        "spool-full",
        "Postgres away and the spool full",
        outages.spool_full,
        felt=Felt.HELD,
        small_spool=True,
    ),
    Line("flood", "a flood from strangers", outages.flood, allowed="127.0.0.1/32", slowest_s=2.0),
    Line("log-stuck", "the log reader stops reading", outages.log_reader_stuck, piped_logs=True),
    Line(
        "spool-removed",
        "Postgres away and the spool removed",
        outages.spool_removed,
        felt=Felt.SPOOLED,
    ),
    Line(
        "spool-odd",
        "Postgres away and odd entries in the spool",
        outages.spool_with_odd_entries,
        felt=Felt.SPOOLED,
    ),
    Line(
        "lost-calls",
        "every third call lost while mails come",
        receivers=1,
        settings=lost_calls.SETTINGS,
        own=OwnPlay(lost_calls.play, lost_calls.find_lost),
    ),
    Line(
        "overload",
        "twice what the machine can do",
        receivers=1,
        subscribers=2,
        own=OwnPlay(overload.call_twice_the_capacity),
    ),
    Line(
        "overload-up",
        "the same, everything by `zeus-relay up`",
        together=True,
        subscribers=2,
        own=OwnPlay(overload.call_twice_the_capacity),
    ),
    Line(
        "backlog",
        "a backlog of webhooks is delivered",
        receivers=1,
        settings=overload.UNLIMITED,
        own=OwnPlay(overload.call_during_a_backlog),
    ),
    Line(
        "backlog-up",
        "the same, everything by `zeus-relay up`",
        together=True,
        settings=overload.UNLIMITED,
        own=OwnPlay(overload.call_during_a_backlog),
    ),
)

LINES = {line.name: line for line in _ALL}
"""Every line by its name."""
