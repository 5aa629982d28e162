"""Baseline: the product's own receiver, answering exactly as it does, with a recorder that stores nothing."""

import sys
from datetime import datetime
from uuid import UUID

import uvloop

from app.logs import configure_logs
from app.main.listeners import Listener
from app.receiver.application import make_receiver
from app.receiver.endpoint import NotifyEndpoint
from app.receiving.notice import Notice
from app.receiving.sources import SourceCheck
from app.settings import load_settings
from bench.calls import NOTIFY_PATH


class NullRecorder:
    """Keeps nothing."""

    async def append(self, notice: Notice) -> None:
        """Forget the notice."""

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Forget the answer."""


async def serve(port: int) -> None:
    """Answer calls until the process is ended."""
    settings = load_settings({})
    configure_logs(settings.log_level, settings.log_format)
    endpoint = NotifyEndpoint(SourceCheck(settings.allowed_sources, settings.trusted_proxies), NullRecorder())
    await Listener(make_receiver(endpoint, NOTIFY_PATH, None, lambda: True), "127.0.0.1", port).run()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
