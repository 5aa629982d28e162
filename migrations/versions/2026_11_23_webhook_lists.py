"""The webhooks of a subscriber by their state, so that no list passes over those of another state; built while the service goes on."""

from alembic import op

revision = '0012'
down_revision = '0011'

# The new ones are built beside the old ones, which are dropped then: at no moment is a list without its index.
INDEXES = {
    'outbound_webhooks_subscriber_idx': "outbound_webhooks (subscriber_id, state, id)",
    'outbound_webhooks_attention_idx': "outbound_webhooks (state, id) WHERE state = 'dead' AND dismissed_at IS NULL",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, definition in INDEXES.items():
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}_new')
            op.execute(f'CREATE INDEX CONCURRENTLY {name}_new ON {definition}')
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}')
            op.execute(f'ALTER INDEX {name}_new RENAME TO {name}')
        op.execute('DROP INDEX CONCURRENTLY IF EXISTS outbound_webhooks_dead_idx')


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f'DROP INDEX IF EXISTS {name}')
    op.execute("CREATE INDEX outbound_webhooks_subscriber_idx ON outbound_webhooks (subscriber_id, id)")
    op.execute("CREATE INDEX outbound_webhooks_attention_idx ON outbound_webhooks (id) WHERE state = 'dead' AND dismissed_at IS NULL")
    op.execute("CREATE INDEX IF NOT EXISTS outbound_webhooks_dead_idx ON outbound_webhooks (subscriber_id, id) WHERE state = 'dead'")
