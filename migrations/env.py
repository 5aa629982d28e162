"""Alembic environment: runs each migration in its own transaction.

`app.db.migrations` passes the connection.
"""

from alembic import context

from app.db.tables.metadata import Base

connection = context.config.attributes.get("connection")
if connection is None:
    raise SystemExit(
        "run migrations with `zeus-relay migrate`, "
        "and make new ones with `zeus-relay migrate --new MESSAGE`"
    )

context.configure(
    connection=connection,
    target_metadata=Base.metadata,
    transaction_per_migration=True,
    compare_type=True,
    compare_server_default=True,
)
with context.begin_transaction():
    context.run_migrations()
