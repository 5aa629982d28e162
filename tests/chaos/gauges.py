"""Metrics of the receivers during a line, read while they live."""

import asyncio
import re
from dataclasses import dataclass, field

import aiohttp

from tests.chaos.site import Site

_EVERY_S = 0.25
_PATIENCE = aiohttp.ClientTimeout(total=2)
_SPOOLED = re.compile(r"^zeus_relay_spool_records_written_total (\S+)", re.MULTILINE)
_HELD = re.compile(r"^zeus_relay_calls_held (\S+)", re.MULTILINE)


@dataclass(slots=True)
class Gauges:
    """Metrics so far.

    `spooled` counts calls, without the last moments of a killed receiver; `held` is the most
    calls held at the same time.
    """

    held: int = 0
    _spooled: dict[int, int] = field(default_factory=dict)

    @property
    def spooled(self) -> int:
        """Return the number of calls that all receivers spooled, including stopped ones."""
        return sum(self._spooled.values())

    async def watch(self, site: Site) -> None:
        """Read the metrics repeatedly, until cancelled."""
        async with aiohttp.ClientSession(timeout=_PATIENCE) as client:
            while True:
                await self.read(site, client)
                await asyncio.sleep(_EVERY_S)

    async def read(self, site: Site, client: aiohttp.ClientSession) -> None:
        """Read the metrics once."""
        held = 0
        for receiver in site.receivers:
            pid = receiver.process.pid
            try:
                async with client.get(
                    f"http://127.0.0.1:{receiver.metrics_port}/metrics"
                ) as response:
                    text = await response.text()
            except (aiohttp.ClientError, TimeoutError):
                continue
            self._spooled[pid] = max(self._spooled.get(pid, 0), _figure(_SPOOLED, text))
            held += _figure(_HELD, text)
        self.held = max(self.held, held)


def _figure(pattern: re.Pattern[str], text: str) -> int:
    found = pattern.search(text)
    assert found, f"no metric {pattern.pattern}"
    return int(float(found[1]))
