"""Progress bar on standard error, if that is a terminal."""

import sys
from typing import Any, Self

import typer


class ProgressBar:
    """A bar of `total` steps. Where nobody looks, it shows nothing."""

    def __init__(self, total: int) -> None:
        """Take the number of steps; nothing is shown yet."""
        self._bar: Any = None
        self._done = 0
        if sys.stderr.isatty():
            self._bar = typer.progressbar(length=total, file=sys.stderr, show_pos=True)

    def __enter__(self) -> Self:
        """Show the empty bar."""
        if self._bar is not None:
            self._bar.__enter__()
        return self

    def __exit__(self, *error: object) -> None:
        """End the bar's line."""
        if self._bar is not None:
            self._bar.__exit__(*error)

    def show(self, done: int) -> None:
        """Show the number of finished steps."""
        if self._bar is not None:
            self._bar.update(done - self._done)
        self._done = done
