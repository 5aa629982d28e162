"""Health and metrics of a process that has no API, when RELAY_METRICS_PORT asks for them."""

from app.logs import get_logger
from app.main.health import make_health
from app.main.listeners import Listener

log = get_logger("main")


class HealthRole:
    """A private listener with /healthz, /readyz and /metrics."""

    name = "health"

    def __init__(self, host: str, port: int) -> None:
        """Bind the listener; raises CannotListen."""
        self._listener = Listener(make_health(lambda: True), host, port)
        log.info("listening", role=self.name, address=self._listener.address)

    def stop(self) -> None:
        """Stop answering."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        await self._listener.run()
