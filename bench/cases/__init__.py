"""Cases of the bench, by name, in the order in which they run."""

from bench.cases.answers import answers, new_connections, one_caller
from bench.cases.applications import applications
from bench.cases.arrival import arrival
from bench.cases.at_size import at_size
from bench.cases.big_tables import big_tables
from bench.cases.database_cost import database_cost
from bench.cases.delivery import delivery
from bench.cases.judging import judging
from bench.cases.many_dead import many_dead
from bench.cases.memory import memory
from bench.cases.neighbours import neighbours
from bench.cases.old_snapshot import old_snapshot
from bench.cases.relatives import relatives
from bench.cases.spool import spool_answers, spool_drain
from bench.cases.through import through
from bench.cases.timers import timers
from bench.plan import Case

CASES: dict[str, Case] = {
    "answers": answers,
    "one-caller": one_caller,
    "new-connections": new_connections,
    "arrival": arrival,
    "through": through,
    "delivery": delivery,
    "applications": applications,
    "judging": judging,
    "relatives": relatives,
    "neighbours": neighbours,
    "many-dead": many_dead,
    "memory": memory,
    "database-cost": database_cost,
    "spool-answers": spool_answers,
    "spool-drain": spool_drain,
}
BY_NAME_ONLY: dict[str, Case] = {
    "big-tables": big_tables,
    "at-size": at_size,
    "old-snapshot": old_snapshot,
    "timers": timers,
}
"""Slow cases, which run only when they are named."""
