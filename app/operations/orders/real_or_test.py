"""Choice between real orders and orders of tests, for searches, exports and totals."""

from enum import StrEnum

from sqlalchemy import ColumnElement

from app.db.tables.orders import OrderRow


class WithTests(StrEnum):
    """Part that orders of test applications have in a result."""

    INCLUDE = "include"
    EXCLUDE = "exclude"
    ONLY = "only"

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions on orders."""
        if self is WithTests.INCLUDE:
            return ()
        is_test = OrderRow.test.is_(True)
        return (is_test if self is WithTests.ONLY else OrderRow.test.is_(False),)
