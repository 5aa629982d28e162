"""Lower bounds of the scans for unjudged notices, one per lane, in the memory of one worker."""

from collections.abc import Collection, Mapping
from uuid import UUID

from app.db.lanes import LANES
from app.db.scan_bounds import Margin, SweepSchedule

_MARGIN_S = 2.0
_SWEEP_S = 0.05
"""Seconds of a scan that sweeps may take, since judging waits for it."""
_START = UUID(int=0)
_TIME_SHIFT = 80
"""Bits below the milliseconds of a UUIDv7."""


class LaneBounds:
    """Id from which the next scan reads each lane.

    A bound stays at the oldest unjudged notice seen, and a margin behind the newest one and the
    database's clock. Ids begin with the receivers' time, so late ones are normal after an outage:
    sweeps find them. A receiver whose clock is ahead makes no other's notices late. Before the
    first notice, a bound follows the database's clock alone.
    """

    def __init__(self, sweep_s: float = _SWEEP_S) -> None:
        """Begin at the start of the index. A scan sweeps lanes for about `sweep_s` seconds."""
        self.ids: list[UUID] = [_START] * LANES
        self._sweep_s = sweep_s
        self._costs = [0.0] * LANES
        self._margin = Margin(_MARGIN_S)
        self._sweeps = [SweepSchedule() for _ in range(LANES)]
        self._newest_ms = 0

    def starts(self, lanes: Collection[int]) -> dict[int, UUID]:
        """Return the id from which the next scan reads each of `lanes`.

        The start of the index for a sweep.
        """
        swept = self._to_sweep(lanes)
        for lane in swept:
            self._sweeps[lane].begin()
        return {lane: _START if lane in swept else self.ids[lane] for lane in lanes}

    def _to_sweep(self, lanes: Collection[int]) -> set[int]:
        """Return the lanes to sweep: the longest unswept first, at least one, as time allows."""
        due = [lane for lane in lanes if self._sweeps[lane].is_due()]
        chosen: set[int] = set()
        left = self._sweep_s
        for lane in sorted(due, key=lambda lane: self._sweeps[lane].ended):
            left -= self._costs[lane]
            if left < 0 and chosen:
                break
            chosen.add(lane)
        return chosen

    def note_newest(self, notice_id: UUID) -> None:
        """Note a notice that was read. The bounds follow the newest one."""
        self._newest_ms = max(self._newest_ms, _ms_of(notice_id))

    def learn(
        self, starts: Mapping[int, UUID], oldest: Mapping[int, UUID], took_s: float, now_ms: int
    ) -> None:
        """Move the bounds of the lanes in `starts` after a scan.

        `oldest` is the oldest unjudged notice found, by lane. The scan took `took_s` seconds and
        ended at `now_ms` of the database's clock, in milliseconds since 1970.
        """
        for notice_id in oldest.values():
            self.note_newest(notice_id)
        newest_ms = min(self._newest_ms or now_ms, now_ms)
        self._note_sweeps([lane for lane, start in starts.items() if start == _START], took_s)
        for lane, notice_id in oldest.items():
            if notice_id < self.ids[lane]:
                self._margin.note_late((newest_ms - _ms_of(notice_id)) / 1000)
        most = UUID(int=max(newest_ms - int(self._margin.seconds * 1000), 0) << _TIME_SHIFT)
        for lane in starts:
            self.ids[lane] = min(oldest.get(lane, most), most)

    def _note_sweeps(self, lanes: Collection[int], took_s: float) -> None:
        for lane in lanes:
            self._costs[lane] = took_s / len(lanes)
            self._sweeps[lane].note(self._costs[lane] * LANES)  # the share is that of all lanes


def _ms_of(notice_id: UUID) -> int:
    return notice_id.int >> _TIME_SHIFT
