"""The cases of the bench, by name, in the order in which they run."""

from bench.cases.answers import answers, new_connections, one_caller
from bench.cases.arrival import arrival
from bench.cases.delivery import delivery
from bench.cases.memory import memory
from bench.cases.neighbours import neighbours
from bench.plan import Case

CASES: dict[str, Case] = {
    "answers": answers,
    "one-caller": one_caller,
    "new-connections": new_connections,
    "arrival": arrival,
    "delivery": delivery,
    "neighbours": neighbours,
    "memory": memory,
}
BY_NAME_ONLY: dict[str, Case] = {}
"""Cases that take so long that they run only when they are named."""
