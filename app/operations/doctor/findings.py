"""What a check-up finds: one thing that was looked at, how bad it is, and what to do."""

from enum import StrEnum

from app.operations.models import Value


class Level(StrEnum):
    """How bad a finding is."""

    OK = "ok"
    WARNING = "warning"
    ERROR = "error"


class Finding(Value):
    """One thing that was looked at."""

    level: Level
    subject: str
    message: str
    remedy: str | None = None
    """What to do; None where all is well."""


def ok(subject: str, message: str) -> Finding:
    """All is well."""
    return Finding(level=Level.OK, subject=subject, message=message)


def warning(subject: str, message: str, remedy: str) -> Finding:
    """It works, and is probably not meant."""
    return Finding(level=Level.WARNING, subject=subject, message=message, remedy=remedy)


def error(subject: str, message: str, remedy: str) -> Finding:
    """It cannot work."""
    return Finding(level=Level.ERROR, subject=subject, message=message, remedy=remedy)
