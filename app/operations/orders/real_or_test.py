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
    def flag(self) -> bool | None:
        """Return True for tests alone, False for none, None for both."""
        return None if self is WithTests.INCLUDE else self is WithTests.ONLY

    @property
    def conditions(self) -> tuple[ColumnElement[bool], ...]:
        """Return the conditions on orders."""
        flag = self.flag
        return () if flag is None else (OrderRow.test.is_(flag),)
