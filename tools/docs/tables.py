"""Markdown tables of the generated pages.

A module of its own, because every generator uses it.
"""


def row(*cells: object) -> str:
    """Return one line of a table."""
    return (
        "| "
        + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells)
        + " |\n"
    )


def head(*names: str) -> str:
    """Return the first two lines of a table."""
    return row(*names) + "|---" * len(names) + "|\n"
