"""Baseline: the product's own receiver with a recorder that stores nothing."""

import sys
from datetime import datetime
from uuid import UUID

import uvloop

from app.logs import configure_logs
from app.main.process.listeners import HttpListener
from app.main.process.start import raise_open_files
from app.main.roles.reload_sources import sources_of
from app.network.allowed_sources import SourceCheck
from app.receiver.application import NotifyPath, make_receiver
from app.receiver.endpoint import NotifyEndpoint
from app.receiver.http.admission import Admission
from app.receiver.http.connection_limit import ConnectionLimit
from app.receiver.http.protocol import make_protocol
from app.recording.notice import RawNotice
from app.recording.rejected.sampler import Sampler
from app.settings import load_settings
from bench.calls import NOTIFY_PATH


class NullRecorder:
    """Recorder that stores nothing."""

    async def append(self, notice: RawNotice) -> None:
        """Drop the notice."""

    def answered(self, notice_id: UUID, moment: datetime) -> None:
        """Drop the answer."""


async def serve(port: int) -> None:
    """Answer calls until the process ends."""
    settings = load_settings({})
    configure_logs(settings.log_level, settings.log_format)
    source_check = SourceCheck(sources_of(settings))
    sampler = Sampler("postgresql://nowhere.example/")  # no call is rejected, so it has no work
    endpoint, path = (
        NotifyEndpoint(source_check, NullRecorder(), sampler),
        NotifyPath(NOTIFY_PATH, None),
    )
    protocol = make_protocol(
        Admission(source_check, sampler, path), ConnectionLimit(raise_open_files())
    )
    await HttpListener(
        make_receiver(endpoint, path, lambda: True),
        "127.0.0.1",
        port,
        protocol=protocol,
        public=True,
    ).run()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
