"""A notice as receiving knows it: the verbatim call, before anybody has judged it."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RawNotice:
    """One call from Zeus. `target` is the request target and `headers` the header lines, byte for byte; nothing is decoded.

    `cut`: the target or the body was longer than is kept, and ends behind its last whole parameter.
    """

    id: UUID
    lane: int
    received_at: datetime
    source: str
    method: str
    target: bytes
    headers: bytes
    body: bytes
    cut: bool = False


class Unstorable(Exception):
    """A notice could be recorded nowhere, neither in Postgres nor in the spool. The answer is 503."""


class HoldExpired(Unstorable):
    """A held notice could be recorded nowhere until past Zeus's 40 s. The connection is closed without an answer."""
