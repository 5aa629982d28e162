"""First tries apart from others in the index of what is due, built while the service goes on."""

from alembic import op

revision = '0009'
down_revision = '0008'


def upgrade() -> None:
    with op.get_context().autocommit_block():
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS outbound_webhooks_turn_idx')
        op.execute(
            'CREATE INDEX CONCURRENTLY outbound_webhooks_turn_idx ON outbound_webhooks '
            "(subscriber_id, least(attempts + excused, 1), due_at, id) WHERE state = 'pending'"
        )
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS outbound_webhooks_due_idx')


def downgrade() -> None:
    op.execute("CREATE INDEX IF NOT EXISTS outbound_webhooks_due_idx ON outbound_webhooks (subscriber_id, due_at, id) WHERE state = 'pending'")
    op.execute('DROP INDEX IF EXISTS outbound_webhooks_turn_idx')
