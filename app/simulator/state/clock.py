"""Clock of the simulator: real time, scaled or moved forward."""

import time
from datetime import UTC, date, datetime, timedelta

from app.zeus.mails import JAPAN

LAST_MOMENT = datetime(2100, 1, 1, tzinfo=UTC)


class ClockLimit(Exception):
    """The clock would move past LAST_MOMENT."""

    def __init__(self) -> None:
        super().__init__(f"the clock ends at {LAST_MOMENT:%Y-%m-%d}")


class SimulatedClock:
    """Time that starts now, runs `speed` times as fast as real time, and can be moved forward.

    The patience of a call (40 s) never runs on this clock: a receiver answers in real time.
    """

    def __init__(self, speed: float = 1.0, not_before: datetime | None = None) -> None:
        """Start now, or at `not_before` if that is later: time does not run back over a restart."""
        now = datetime.now(UTC)
        self._speed = speed
        self._real = time.monotonic()
        self._moment = max(now, not_before or now)

    @property
    def speed(self) -> float:
        """Return the simulated seconds in one real second."""
        return self._speed

    def now(self) -> datetime:
        """Return the simulated moment in UTC, at most LAST_MOMENT."""
        passed = timedelta(seconds=(time.monotonic() - self._real) * self._speed)
        return min(self._moment + passed, LAST_MOMENT)

    def today(self) -> date:
        """Return the simulated day in Japan."""
        return self.now().astimezone(JAPAN).date()

    def set_speed(self, speed: float) -> None:
        """Let the clock run `speed` times as fast as real time from now on."""
        self._moment, self._real = self.now(), time.monotonic()
        self._speed = speed

    def advance(self, by: timedelta) -> datetime:
        """Move the clock forward and return the new moment.

        Raises:
            ValueError: `by` is negative; Zeus's time does not run back.
            ClockLimit: the clock would pass LAST_MOMENT.
        """
        if by < timedelta(0):
            raise ValueError("the clock only moves forward")
        if self.now() + by > LAST_MOMENT:
            raise ClockLimit
        self._moment += by
        return self.now()

    def real_seconds_until(self, moment: datetime) -> float:
        """Return how many real seconds pass until `moment`, at least 0."""
        return max(0.0, (moment - self.now()).total_seconds() / self._speed)
