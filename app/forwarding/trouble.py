"""Which errors of the database pass by themselves and which are a fault of the program."""

from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolExhausted

RETRY_SECONDS = 0.5
DATABASE_ERRORS = (SQLAlchemyError, OSError)
"""What a statement can raise; an asyncio TimeoutError is an OSError."""

# Connection, transaction rolled back (deadlock), resources, object in use, operator intervention, system; a read-only server
# (25006) is an old primary after a failover.
_PASSING_CLASSES = frozenset({"08", "40", "53", "55", "57", "58"})
_PASSING_STATES = frozenset({"25006"})


def is_passing(error: BaseException) -> bool:
    """Whether trying again later can help."""
    if isinstance(error, OSError | PoolExhausted):
        return True
    if not isinstance(error, DBAPIError):
        return False
    if error.connection_invalidated:
        return True
    sqlstate = getattr(error.orig, "sqlstate", None)
    if sqlstate is None:  # the driver itself gave up, not the server
        return True
    return sqlstate in _PASSING_STATES or sqlstate[:2] in _PASSING_CLASSES
