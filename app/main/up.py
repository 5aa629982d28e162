"""`zeus-relay up`: the receiver in this process, everything else in a second one.

So no work of judging, delivering or showing pages makes a call wait, and what ends the second
process does not end the first.
"""

from app.db.notify import sender
from app.main.process.back_process import BackProcess
from app.main.process.roles import run_roles
from app.main.roles.receiver import ReceiverRole
from app.settings import Settings

BACK_MODULE = "app.main.back"


async def run_up(settings: Settings, url: str) -> None:
    """Run everything until stopped: the receiver stops first.

    The receiver listens first, so that the kernel holds early calls. Raise CannotListen, or
    SystemExit with the exit code of a second process that could not start; it said why.
    """
    receiver = ReceiverRole(settings, url)
    # The embedded Postgres is ours alone: it stops with us, however the other process ended.
    embedded = [url] if settings.embedded else []
    back = BackProcess(BACK_MODULE, sender(), *embedded)
    await back.start()
    receiver.on_recorded(back.wake)
    await run_roles([receiver, back])
