"""Database defects, each with the statement that fixes it.

A module of its own, since migrations, checks and grants share it.
"""

from typing import NamedTuple


class DatabaseUnfit(Exception):
    """The database cannot be used. The text is fit for a terminal and names the remedy."""


class Defect(NamedTuple):
    """A defect of a database, and its remedy."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def quoted(name: str) -> str:
    """Return the name of a role, schema or database, quoted for SQL if needed."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()
    if plain and not name[:1].isdigit():
        return name
    return '"' + name.replace('"', '""') + '"'
