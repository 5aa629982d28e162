"""Lower bounds of the scans for unjudged notices, one for each lane, in the memory of one worker."""

from collections.abc import Collection, Mapping
from uuid import UUID

from app.db.lanes import LANES
from app.db.scan_bounds import Margin, SweepSchedule

_MARGIN_S = 2.0
_SWEEP_S = 0.05
"""How long a scan may take for sweeps: judging waits for it."""
_START = UUID(int=0)
_TIME_SHIFT = 80
"""Below the milliseconds in a UUIDv7."""


class LaneBounds:
    """For each lane the id from which the next scan reads.

    A bound stays at the oldest unjudged notice that was seen, and a margin behind the newest one and
    behind the database's clock. Ids begin with the receivers' time, so late ones are usual after an
    outage: sweeps find them. A receiver whose clock is ahead makes no other's notices late. Before any
    notice was seen, a bound goes by the database's clock alone.
    """

    def __init__(self, sweep_s: float = _SWEEP_S) -> None:
        """Begin at the start of the index; a scan sweeps lanes for about `sweep_s` seconds."""
        self.ids: list[UUID] = [_START] * LANES
        self._sweep_s = sweep_s
        self._costs = [0.0] * LANES
        self._margin = Margin(_MARGIN_S)
        self._sweeps = [SweepSchedule() for _ in range(LANES)]
        self._newest_ms = 0

    def starts(self, lanes: Collection[int]) -> dict[int, UUID]:
        """Return the id from which the next scan reads each of `lanes`: the start for a sweep."""
        swept = self._to_sweep(lanes)
        for lane in swept:
            self._sweeps[lane].begin()
        return {lane: _START if lane in swept else self.ids[lane] for lane in lanes}

    def _to_sweep(self, lanes: Collection[int]) -> set[int]:
        """Return the lanes whose sweep is due: the longest unswept first, one at least, as time allows."""
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
        """Remember a notice that was read; the bounds follow the newest one."""
        self._newest_ms = max(self._newest_ms, _ms_of(notice_id))

    def learn(
        self, starts: Mapping[int, UUID], oldest: Mapping[int, UUID], took_s: float, now_ms: int
    ) -> None:
        """Move the bounds of the lanes in `starts` after a scan from there.

        `oldest` is by lane the oldest unjudged notice that was found. The scan took `took_s` seconds
        and ended when the database's clock showed `now_ms`, in milliseconds since 1970.
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
