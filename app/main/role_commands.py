"""Commands that run roles.

Each imports its modules only when it starts, and this module nothing that a role does not need:
imported modules stay in memory.
"""


def up() -> None:
    """Run everything: migrations and receiver, worker and API in a second process.

    Without RELAY_DATABASE_URL it starts an embedded Postgres.
    """
    from app.main.process import start
    from app.main.up import run_up

    start.start(run_up)


def demo() -> None:
    """Run everything, a sample subscriber that prints webhooks and a simulated Zeus.

    The simulated Zeus plays scenarios against the receiver.
    """
    from app.main.demo import run_demo
    from app.main.process import start

    start.start(run_demo)


def receive() -> None:
    """Run a receiver: records and answers Zeus's calls."""
    from app.main.process import start
    from app.main.roles import receiver

    start.start(receiver.run_receive)


def work() -> None:
    """Run a worker: judges notices and delivers webhooks."""
    from app.main.process import start
    from app.main.roles import worker

    start.start(worker.run_work)


def operate() -> None:
    """Run the private listener for operators: console, API, metrics and health."""
    from app.main.process import start
    from app.main.roles import operator

    start.start(operator.run_operate)


ROLES = (up, demo, receive, work, operate)
