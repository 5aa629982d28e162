"""Indexes for what operators list and search, built while the service goes on."""

from alembic import op

revision = '0004'
down_revision = '0003'

# Each by itself outside of a transaction. One that was interrupted stays behind unusable: that is why each is dropped first.
INDEXES = {
    'notices_verdict_idx': "notices (verdict, id) WHERE verdict <> 'accepted'",
    'notices_attention_idx': "notices (verdict, id) WHERE verdict IN ('quarantined', 'conflict') AND dismissed_at IS NULL",
    'notices_telno_tail_idx': "notices (right(parameters ->> 'telno', 4), id) WHERE parameters ->> 'telno' <> ''",
    'orders_created_idx': "orders (created_at, order_no)",
    'orders_sendid_idx': "orders (sendid, created_at, order_no) WHERE sendid <> ''",
    'orders_money_idx': "orders (money, created_at, order_no)",
    'outbound_webhooks_attention_idx': "outbound_webhooks (id) WHERE state = 'dead' AND dismissed_at IS NULL",
    'outbound_webhooks_state_idx': "outbound_webhooks (state, id) WHERE state <> 'delivered'",
    'outbound_webhooks_subscriber_idx': "outbound_webhooks (subscriber_id, id)",
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for name, definition in INDEXES.items():
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}')
            op.execute(f'CREATE INDEX CONCURRENTLY {name} ON {definition}')


def downgrade() -> None:
    for name in INDEXES:
        op.execute(f'DROP INDEX IF EXISTS {name}')
    op.execute("CREATE INDEX notices_attention_idx ON notices (verdict, id) WHERE verdict IN ('quarantined', 'conflict')")
