"""What came back for one POST of an application."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class ZeusExchange:
    """One POST. `begun` is True once its connection stood: from then on it may have reached Zeus.

    `complete` is True if the body came to the end that its head announced, or was ended by the
    connection alone (`until_close`). `failure` names what went wrong and holds nothing of what was
    sent.
    """

    begun: bool = False
    status: int | None = None
    body: bytes = field(default=b"", repr=False)
    complete: bool = False
    until_close: bool = False
    packed: bool = False
    """True if the body is encoded, for instance by gzip."""
    failure: str | None = None
    seconds: float = 0.0
