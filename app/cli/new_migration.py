"""Migration writer for developers: the difference between the tables in code and the database."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection

from app.db.engine import make_engine
from app.db.migrations import SCRIPTS, head


async def write_migration(url: str, message: str) -> Path:
    """Write a migration from the database at `url` to the tables in code; return its path.

    The database must be at the latest revision. Raises LookupError if alembic writes no file.
    """
    engine = make_engine(url, pool_size=1, application="zeus-relay migrate")
    try:
        async with engine.connect() as connection:
            return await connection.run_sync(_write, message)
    finally:
        await engine.dispose()


def _write(connection: Connection, message: str) -> Path:
    config = Config(toml_file=SCRIPTS.parent / "pyproject.toml")  # names the files
    config.set_main_option("script_location", str(SCRIPTS))
    config.attributes["connection"] = connection
    written = command.revision(config, message, autogenerate=True, rev_id=f"{int(head()) + 1:04}")
    if written is None or isinstance(written, list):
        raise LookupError("alembic wrote no migration, or several")
    return Path(written.path)
