"""Modules that another module shall not find while it is imported."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def pretending_absent(name: str) -> Iterator[None]:
    """Make an import of the module `name` fail with ImportError in this block, unless it is loaded.

    For libraries that use another one if it is there, when its memory is not worth it.
    """
    if name in sys.modules:
        yield
        return
    sys.modules[name] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[name]
