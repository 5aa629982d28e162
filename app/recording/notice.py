"""Notice before judging: the call, byte for byte."""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID


@dataclass(frozen=True, slots=True)
class RawNotice:
    """One call from Zeus, undecoded.

    `target` is the request target and `headers` the header lines. `cut`: target or body exceeded
    its limit and ends after its last whole parameter.
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
    """Neither Postgres nor the spool could record the notice. The answer is 503."""


class HoldExpired(Unstorable):
    """A notice was held past Zeus's 40 s in vain. The connection is closed without an answer."""
