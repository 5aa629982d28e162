"""Sorted arrays as look-up tables in SQL: a binary search for each row instead of a join.

A worker's connections turn hash joins off (HELD_TO_INDEXES). A join with `unnest` or a CTE then
compares each row with each element: a million comparisons for a thousand subscribers.
"""

from collections.abc import Iterable


def array_text(values: Iterable[object]) -> str:
    """Return an array in Postgres's text form, for values without signs that need quotes.

    The driver takes several times longer to encode an array of a thousand elements.
    """
    return f"{{{','.join(map(str, values))}}}"


def array_parameter(name: str, element: str) -> str:
    """Return the SQL expression of an array that comes as an `array_text`, parsed once."""
    return f"(SELECT CAST(CAST(:{name} AS text) AS {element}[]))"


def look_up(alias: str, ids: str, **columns: str) -> str:
    """Return a FROM item that finds subscriber `s` in an array of uuid.

    `ids` is the SQL expression of that array, which must be sorted and without duplicates. Each of
    `columns` names a column of `alias`; its value is the expression of a parallel array. Columns
    are NULL where the subscriber is not among `ids`.
    """
    values = ", ".join(
        f"CASE WHEN found.hit THEN ({array})[found.place] END AS {column}"
        for column, array in columns.items()
    )
    # OFFSET 0 makes Postgres search once for each row, however many columns need the result.
    return f"""CROSS JOIN LATERAL (
    SELECT {values} FROM (
      SELECT place, ({ids})[place] = s.id AS hit
      FROM (SELECT width_bucket(s.id, {ids}) AS place OFFSET 0) AS searched
    ) AS found
  ) AS {alias}"""  # noqa: S608 - expressions of ours; values come as parameters
