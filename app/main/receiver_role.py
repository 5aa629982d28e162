"""The receiver: the public listener with everything behind it that makes a call durable."""

from app.db.wakeup import NOTICES, Waker
from app.logs import get_logger
from app.main.listeners import Listener
from app.main.roles import run_roles, with_background
from app.main.start import with_health
from app.receiver.application import make_receiver
from app.receiver.endpoint import NotifyEndpoint
from app.receiving.appender import Appender
from app.receiving.sources import SourceCheck
from app.settings import Settings

log = get_logger("main")


class ReceiverRole:
    """Answers Zeus's calls."""

    name = "receiver"

    def __init__(self, settings: Settings, url: str) -> None:
        """Bind the public listener; raises CannotListen."""
        self._waker = Waker(url, NOTICES)
        self._appender = Appender(url, on_commit=self._waker.wake)
        check = SourceCheck(settings.allowed_sources, settings.trusted_proxies)
        token = settings.notify_token.get_secret_value() if settings.notify_token else None
        application = make_receiver(NotifyEndpoint(check, self._appender), settings.notify_path, token, lambda: True)
        self._listener = Listener(application, settings.public_host, settings.public_port)
        self.url = f"http://{self._listener.address}{settings.notify_path}"
        log.info("listening", role=self.name, address=self._listener.address, path=settings.notify_path, token=token is not None)

    def stop(self) -> None:
        """Stop accepting; calls in flight are answered."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer calls until stopped."""
        await with_background(self._listener.run(), self._appender.run(), self._waker.run())
        await self._appender.drain()


async def run_receive(settings: Settings, url: str) -> None:
    """The receiver alone."""
    await run_roles(with_health(settings, [ReceiverRole(settings, url)]))
