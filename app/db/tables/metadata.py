"""Metadata of all tables, for migrations and for tests of the whole schema.

A table is in the metadata only after its module is imported, so this module imports every one.
Code that needs a row imports the module of that row.
"""

from app.db.tables import (
    applications,
    jobs,
    mails,
    notices,
    operators,
    orders,
    reconciliations,
    reviews,
    subscribers,
    webhooks,
)
from app.db.tables.base import Base

__all__ = [
    "Base",
    "applications",
    "jobs",
    "mails",
    "notices",
    "operators",
    "orders",
    "reconciliations",
    "reviews",
    "subscribers",
    "webhooks",
]
