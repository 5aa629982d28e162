"""Findings of the doctor: subject, level, message and remedy."""

from enum import StrEnum

from app.operations.models import Value


class Level(StrEnum):
    """Severity of a finding."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Value):
    """Result of one check."""

    level: Level
    subject: str
    message: str
    remedy: str | None = None
    """Action to take; None if nothing is wrong."""


def ok(subject: str, message: str) -> Finding:
    """Return the finding that nothing is wrong."""
    return Finding(level=Level.OK, subject=subject, message=message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """Return the finding of something that works but is probably unintended."""
    return Finding(level=Level.WARNING, subject=subject, message=message, remedy=remedy)


def error(subject: str, message: str, remedy: str) -> Finding:
    """Return the finding of something that cannot work."""
    return Finding(level=Level.ERROR, subject=subject, message=message, remedy=remedy)
