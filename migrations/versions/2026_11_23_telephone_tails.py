"""The end of the telephone number moves from an index of notices to a column of orders, while the service goes on."""

import sqlalchemy as sa
from alembic import op

revision = '0011'
down_revision = '0010'

BATCH = 5_000

# Some orders at a time, each time a transaction of its own: no order stays locked for long. An order without a number stays NULL.
FILL = """
WITH page AS MATERIALIZED (
  SELECT order_no FROM orders WHERE order_no > :after ORDER BY order_no LIMIT :batch
), found AS MATERIALIZED (
  SELECT page.order_no, latest.tail FROM page CROSS JOIN LATERAL (
    SELECT right(parameters ->> 'telno', 4) AS tail FROM notices
    WHERE notices.order_no = page.order_no AND verdict = 'accepted' AND parameters ->> 'telno' ~ '[0-9]{4}$'
    ORDER BY id DESC LIMIT 1
  ) AS latest
), filled AS (
  UPDATE orders SET telno_tail = found.tail FROM found
  WHERE orders.order_no = ANY (ARRAY (SELECT order_no FROM found)) AND orders.order_no = found.order_no AND orders.telno_tail IS NULL
)
SELECT max(order_no) FROM page
"""


def upgrade() -> None:
    op.add_column('orders', sa.Column('telno_tail', sa.Text(), nullable=True), if_not_exists=True)
    # An order is updated by each of its calls, and no index changes then: with room on its page nothing else has to.
    op.execute('ALTER TABLE orders SET (fillfactor = 90)')
    with op.get_context().autocommit_block():
        connection, after = op.get_bind(), ''
        while after is not None:
            after = connection.execute(sa.text(FILL), {'after': after, 'batch': BATCH}).scalar()
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS orders_telno_tail_idx')
        op.execute('CREATE INDEX CONCURRENTLY orders_telno_tail_idx ON orders (telno_tail, created_at, order_no) WHERE telno_tail IS NOT NULL')
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS notices_telno_tail_idx')


def downgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS notices_telno_tail_idx ON notices (right(parameters ->> 'telno', 4), id) WHERE parameters ->> 'telno' <> ''")
    op.execute('DROP INDEX IF EXISTS orders_telno_tail_idx')
    op.execute('ALTER TABLE orders RESET (fillfactor)')
    op.drop_column('orders', 'telno_tail')
