"""The cases of the bench, by name, in the order in which they run."""

from bench.cases.answers import answers, new_connections, one_caller
from bench.plan import Case

CASES: dict[str, Case] = {
    "answers": answers,
    "one-caller": one_caller,
    "new-connections": new_connections,
}
BY_NAME_ONLY: dict[str, Case] = {}
"""Cases that take so long that they run only when they are named."""
