"""Lower bounds of the scans for unjudged notices, one for each lane, in the memory of one worker."""

from collections.abc import Collection, Mapping
from uuid import UUID

from app.db.lanes import LANES
from app.db.scan_bounds import Margin, SweepSchedule

_MARGIN_S = 2.0
_START = UUID(int=0)
_TIME_SHIFT = 80
"""Below the milliseconds in a UUIDv7."""


class LaneBounds:
    """For each lane the id from which the next scan reads.

    A bound stays at the oldest unjudged notice that was seen, and a margin behind the newest one. Ids
    begin with the receivers' time, so late ones are usual after an outage: sweeps find them.
    """

    def __init__(self) -> None:
        """Begin at the start of the index."""
        self.ids: list[UUID] = [_START] * LANES
        self._margin = Margin(_MARGIN_S)
        self._sweeps = [SweepSchedule() for _ in range(LANES)]
        self._newest_ms = 0

    def starts(self, lanes: Collection[int]) -> dict[int, UUID]:
        """Return the id from which the next scan reads each of `lanes`: the start where a sweep is due."""
        due = {lane for lane in lanes if self._sweeps[lane].is_due()}
        for lane in due:
            self._sweeps[lane].begin()
        return {lane: _START if lane in due else self.ids[lane] for lane in lanes}

    def note_newest(self, notice_id: UUID) -> None:
        """Remember a notice that was read; the bounds follow the newest one."""
        self._newest_ms = max(self._newest_ms, _ms_of(notice_id))

    def learn(self, starts: Mapping[int, UUID], oldest: Mapping[int, UUID], took_s: float) -> None:
        """Move the bounds of the lanes in `starts` after a scan from there.

        `oldest` is by lane the oldest unjudged notice that was found; the scan took `took_s` seconds.
        """
        for notice_id in oldest.values():
            self.note_newest(notice_id)
        for lane, start in starts.items():
            if start == _START:
                self._sweeps[lane].note(took_s)
            if lane in oldest and oldest[lane] < self.ids[lane]:
                self._margin.note_late((self._newest_ms - _ms_of(oldest[lane])) / 1000)
        most = UUID(int=max(self._newest_ms - int(self._margin.seconds * 1000), 0) << _TIME_SHIFT)
        for lane in starts:
            self.ids[lane] = min(oldest.get(lane, most), most)


def _ms_of(notice_id: UUID) -> int:
    return notice_id.int >> _TIME_SHIFT
