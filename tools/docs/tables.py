"""Lines of Markdown tables."""


def row(*cells: object) -> str:
    """One line of a table."""
    return (
        "| "
        + " | ".join(str(cell).replace("|", "\\|").replace("\n", " ") for cell in cells)
        + " |\n"
    )


def head(*names: str) -> str:
    """The first two lines of a table."""
    return row(*names) + "|---" * len(names) + "|\n"
