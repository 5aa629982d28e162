"""Admission of requests before their body is read: sources that may connect, and bodies worth
reading.
"""

from app.network.allowed_sources import SourceCheck
from app.receiver.application import NotifyPath
from app.receiver.endpoint import METHODS
from app.receiver.http.head_parser import Framing, Head, decoded_path
from app.recording.rejected.sampler import SIZE_LIMIT, Sampler


class Admission:
    """Applies the allowed sources, the free sample slots and the endpoint's path."""

    def __init__(self, source_check: SourceCheck, sampler: Sampler, path: NotifyPath) -> None:
        self._source_check = source_check
        self._sampler = sampler
        self._path = path

    def expects(self, peer: str) -> bool:
        """Return True if a connection from this address may carry an allowed call."""
        return self._source_check.expects(peer)

    def wants_body(self, peer: str, head: Head) -> bool:
        """Return True if the body behind this head is wanted: of a call, or of a sample that is
        due.
        """
        if head.method not in METHODS or not self._path.matches(decoded_path(head.path)):
            return False
        if self._source_check.look(peer, head.headers).admitted:
            return True
        return (
            head.framing is Framing.LENGTH
            and head.length <= SIZE_LIMIT
            and self._sampler.has_room()
        )
