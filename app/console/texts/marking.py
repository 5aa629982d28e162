"""Mark of texts that the catalogue translates."""


def _(text: str) -> str:
    """Mark a text for the catalogue; pages translate it when they are rendered."""
    return text
