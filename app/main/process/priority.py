"""Priority of a process's work for the processor."""

import os
from contextlib import suppress

_NICER_BY = 5
"""Steps of the nice value of Unix. With 5, a process gets a third of what one with 0 gets while the
processor cannot do all; otherwise nothing changes."""


def let_receivers_go_first() -> None:
    """Have the system prefer receivers to this process. Does nothing where it cannot be done."""
    with suppress(OSError, AttributeError):  # Windows has no nice
        os.nice(_NICER_BY)
