"""Simulator role of the demonstration: a simulated Zeus in the relay's process."""

import os

from app.main.process.listeners import HttpListener
from app.settings import WrongSettings
from app.simulator.server.application import CVS_PATH, MARK, ConnectionProtocol, make_simulator
from app.simulator.server.zeus import SimulatedZeus
from app.simulator.server_command import DEFAULT_PORT
from app.simulator.state.settings import SimulatorSettings
from app.simulator.state.store import SlipStore


def simulator_port() -> int:
    """Return SIMULATOR_PORT, or 8002. Raises WrongSettings."""
    text = os.environ.get("SIMULATOR_PORT", str(DEFAULT_PORT))
    if not text.isdecimal() or int(text) > 65535:
        raise WrongSettings("SIMULATOR_PORT: must be a number from 0 to 65535")
    return int(text)


class SimulatorRole:
    """Accepts applications and calls the receiver about them, until stopped."""

    name = "simulator"

    def __init__(self, clientips: tuple[str, ...], port: int) -> None:
        """Bind `port` on the loopback address; raises CannotListen.

        Without `clientips` the example's clientip is accepted. No call is made before `call`.
        """
        known = {"clientips": clientips} if clientips else {}
        self._zeus = SimulatedZeus(SlipStore(), SimulatorSettings.model_validate(known))
        application = make_simulator(self._zeus)
        self._listener = HttpListener(
            application, "127.0.0.1", port, protocol=ConnectionProtocol, headers=[MARK]
        )
        self.url = f"http://{self._listener.address}"
        self.application_url = f"{self.url}{CVS_PATH}"

    def call(self, url: str) -> None:
        """Call this URL about orders from now on."""
        self._zeus.call(url)

    def stop(self) -> None:
        """Stop accepting."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer requests and run timers until stopped."""
        async with self._zeus.running():
            await self._listener.run()
