"""Sorted arrays as look-up tables in SQL: a binary search for each row instead of a join.

A join with `unnest` or a CTE compares each row with each element where hash joins are off, as they
are on a worker's connections (HELD_TO_INDEXES): for a thousand subscribers a million comparisons.
"""


def look_up(alias: str, ids: str, **columns: str) -> str:
    """Return a part of FROM that finds subscriber `s` in an array of uuid.

    `ids` is the SQL expression of that array, which has to be sorted and without doubles. Each of
    `columns` is named for a column of `alias`, and is the expression of a parallel array. Columns
    are NULL where the subscriber is not among `ids`.
    """
    values = ", ".join(
        f"CASE WHEN found.hit THEN ({array})[found.place] END AS {column}"
        for column, array in columns.items()
    )
    # OFFSET 0 has the search done once for each row, however many columns ask for it.
    return f"""CROSS JOIN LATERAL (
    SELECT {values} FROM (
      SELECT place, ({ids})[place] = s.id AS hit
      FROM (SELECT width_bucket(s.id, {ids}) AS place OFFSET 0) AS searched
    ) AS found
  ) AS {alias}"""  # noqa: S608 - expressions of ours; values come as parameters
