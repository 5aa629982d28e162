"""The index of orders by sendid leaves out what is too long for an index, so that no call is refused for it."""

from alembic import op

revision = '0014'
down_revision = '0013'


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS orders_short_sendid_idx')
        op.execute(
            'CREATE INDEX CONCURRENTLY orders_short_sendid_idx ON orders (sendid, created_at, order_no) '
            "WHERE sendid <> '' AND length(sendid) <= 255"
        )
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS orders_sendid_idx')


def downgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS orders_sendid_idx ON orders (sendid, created_at, order_no) WHERE sendid <> ''")
    op.execute('DROP INDEX IF EXISTS orders_short_sendid_idx')
