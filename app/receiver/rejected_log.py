"""Log lines and a metric for requests that came to nothing."""

import re

from app.logs import LogRateLimiter, get_logger
from app.metrics import calls_rejected

log = get_logger("receiver")
_throttle = LogRateLimiter()

_TELLING = re.compile(rb"[?=&@%]")


def report(reason: str, beginning: bytes | None, *, stranger: bool) -> None:
    """Count and log a request that came to nothing, with the `beginning` of what was sent, if that may tell something.

    From a peer that may be Zeus every one is logged, from strangers a few.
    """
    calls_rejected.labels(reason).inc()
    left_out = _throttle.take() if stranger else 0
    if left_out is not None:
        details = {} if beginning is None else {"first_bytes": _harmless(beginning)}
        log.warning(
            "no_call", reason=reason, expected_peer=not stranger, left_out=left_out, **details
        )


def _harmless(beginning: bytes) -> str:
    """The first bytes of what was sent, escaped, up to where a value may begin: those are personal."""
    return repr(_TELLING.split(beginning.partition(b"\n")[0], maxsplit=1)[0][:60])[2:-1]
