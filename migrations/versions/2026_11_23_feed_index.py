"""The index of the feed, built while the service goes on."""

from alembic import op

revision = '0006'
down_revision = '0005'


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS events_position_key')
        op.execute('CREATE UNIQUE INDEX CONCURRENTLY events_position_key ON events (position) WHERE position IS NOT NULL')


def downgrade() -> None:
    op.execute('DROP INDEX IF EXISTS events_position_key')
