"""Second process of `zeus-relay up`: migrations, worker, operator's side and measurements.

`up` starts it by `python -m app.main.back`; it ends with the process that started it.
"""

import sys

from app.db.migrations import migrate
from app.db.notify import share_sender
from app.main.process.front_link import FrontLink
from app.main.process.priority import let_receivers_go_first
from app.main.process.roles import run_roles_until
from app.main.process.start import start
from app.main.roles.declared_subscribers import declare_subscribers
from app.main.roles.monitor import WatchRole
from app.main.roles.operator import OperatorRole
from app.main.roles.worker import WorkerRole
from app.operations.access.generated_keys import admin_token_of, vault_of
from app.settings import Settings


async def run_back(settings: Settings, url: str) -> None:
    """Migrate, then run every role but the receiver."""
    vault = vault_of(settings)
    link = FrontLink()
    operator = OperatorRole(
        settings, url, vault, admin_token_of(settings), exposition=link.exposition
    )
    await migrate(url)
    await declare_subscribers(settings, url, vault)
    worker = WorkerRole(settings, url, vault)
    await link.open(on_wake=worker.wake_judging)
    await run_roles_until(link.stopping, [worker, operator, WatchRole(settings, url)])


def main() -> None:
    """Run until the process that started this one says so, or ends.

    The arguments are the sender of the NOTIFYs of both, and the URL of an embedded Postgres.
    """
    share_sender(sys.argv[1])
    let_receivers_go_first()
    start(run_back, sys.argv[2] if len(sys.argv) > 2 else None)


if __name__ == "__main__":
    from app.main.console_script import run_to_the_end

    run_to_the_end(main)
