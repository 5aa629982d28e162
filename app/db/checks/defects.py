"""Defects of a database: what is wrong, and the statement that helps."""

from typing import NamedTuple


class DatabaseUnfit(Exception):
    """The database cannot be used as it is. The text is fit for a terminal and names what helps."""


class Defect(NamedTuple):
    """What is wrong with a database, and what helps."""

    message: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.message}; {self.remedy}"


def quoted(name: str) -> str:
    """Return a name of a role, schema or database as SQL takes it."""
    plain = name.isascii() and name.replace("_", "a").isalnum() and name == name.lower()
    if plain and not name[:1].isdigit():
        return name
    return '"' + name.replace('"', '""') + '"'
