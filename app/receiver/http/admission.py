"""Decisions about a request before its body is read: who may connect, and whose body is wanted."""

from app.network.allowed_sources import SourceCheck
from app.receiver.application import NotifyPath
from app.receiver.endpoint import METHODS
from app.receiver.http.head_parser import Framing, Head, decoded_path
from app.recording.rejected.sampler import SIZE_LIMIT, Sampler


class Admission:
    """Reads the allowed sources of `door`, the room for samples, and the path of the endpoint."""

    def __init__(self, door: SourceCheck, sampler: Sampler, path: NotifyPath) -> None:
        self._door = door
        self._sampler = sampler
        self._path = path

    def expects(self, peer: str) -> bool:
        """Return whether a connection from this address may carry an allowed call."""
        return self._door.expects(peer)

    def wants_body(self, peer: str, head: Head) -> bool:
        """Return whether to wait for the body behind this head: that of a call, or of a sample that is due."""
        if head.method not in METHODS or not self._path.matches(decoded_path(head.path)):
            return False
        if self._door.look(peer, head.headers).admitted:
            return True
        return (
            head.framing is Framing.LENGTH
            and head.length <= SIZE_LIMIT
            and self._sampler.has_room()
        )
