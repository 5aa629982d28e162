"""Log and metric of rejected requests."""

import re

from app.logs import LogRateLimiter, get_logger
from app.metrics import calls_rejected

log = get_logger("receiver")
_throttle = LogRateLimiter()

_TELLING = re.compile(rb"[?=&@%]")


def report(reason: str, beginning: bytes | None, *, stranger: bool) -> None:
    """Count and log a rejected request, with the `beginning` of its bytes if that is useful.

    Logs every one of a peer that may be Zeus, and a few of strangers.
    """
    calls_rejected.labels(reason).inc()
    left_out = _throttle.take() if stranger else 0
    if left_out is not None:
        details = {} if beginning is None else {"first_bytes": _harmless(beginning)}
        log.warning(
            "no_call", reason=reason, expected_peer=not stranger, left_out=left_out, **details
        )


def _harmless(beginning: bytes) -> str:
    """Return the first bytes, escaped, up to where a personal value may begin."""
    return repr(_TELLING.split(beginning.partition(b"\n")[0], maxsplit=1)[0][:60])[2:-1]
