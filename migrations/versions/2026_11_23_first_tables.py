"""The first tables: notices and answers, orders, events, subscribers, outbound webhooks and attempts."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0001'
down_revision = None


def upgrade() -> None:
    op.create_table('answers',
    sa.Column('notice_id', sa.Uuid(), nullable=False),
    sa.Column('answered_at', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('notice_id', name=op.f('answers_pkey'))
    )
    op.create_table('attempts',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('outbound_webhook_id', sa.BigInteger(), nullable=False),
    sa.Column('number', sa.Integer(), nullable=False),
    sa.Column('started_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('duration_ms', sa.Integer(), nullable=False),
    sa.Column('outcome', sa.Text(), nullable=False),
    sa.Column('http_status', sa.Integer(), nullable=True),
    sa.Column('excerpt', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('attempts_pkey'))
    )
    op.create_index(op.f('attempts_outbound_webhook_id_idx'), 'attempts', ['outbound_webhook_id'], unique=False)
    op.create_table('events',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('type', sa.Text(), nullable=False),
    sa.Column('order_no', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=True),
    sa.Column('occurrence', sa.Integer(), nullable=True),
    sa.Column('cycle', sa.Integer(), nullable=True),
    sa.Column('sequence', sa.Integer(), nullable=True),
    sa.Column('notice_id', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('data', sa.JSON(), nullable=False),
    sa.Column('customer', sa.JSON(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('events_pkey'))
    )
    op.create_index('events_notice_idx', 'events', ['notice_id'], unique=False)
    op.create_index('events_occurrence_key', 'events', ['order_no', 'status', 'occurrence'], unique=True, postgresql_where=sa.text('status IS NOT NULL'))
    op.create_index('events_sequence_key', 'events', ['order_no', 'sequence'], unique=True, postgresql_where=sa.text('order_no IS NOT NULL'))
    op.create_table('notices',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('source', postgresql.INET(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('target', sa.LargeBinary(), nullable=False),
    sa.Column('headers', sa.LargeBinary(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.Column('released', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('judged_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('verdict', sa.Text(), nullable=True),
    sa.Column('reasons', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('flags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('parameters', postgresql.JSONB(astext_type=sa.Text()), nullable=True),
    sa.Column('order_no', sa.Text(), nullable=True),
    sa.Column('status', sa.Text(), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('notices_pkey')),
    postgresql_with={'autovacuum_vacuum_scale_factor': '0.02'}
    )
    op.create_index('notices_attention_idx', 'notices', ['verdict', 'id'], unique=False, postgresql_where=sa.text("verdict IN ('quarantined', 'conflict')"))
    op.create_index('notices_order_no_idx', 'notices', ['order_no', 'id'], unique=False, postgresql_where=sa.text('order_no IS NOT NULL'))
    op.create_index('notices_unjudged_idx', 'notices', ['lane', 'id'], unique=False, postgresql_where=sa.text('verdict IS NULL'))
    op.create_table('orders',
    sa.Column('order_no', sa.Text(), nullable=False),
    sa.Column('status', sa.Text(), nullable=False),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('cycle', sa.Integer(), nullable=False),
    sa.Column('sequence', sa.Integer(), nullable=False),
    sa.Column('money', sa.BigInteger(), nullable=True),
    sa.Column('clientip', sa.Text(), nullable=True),
    sa.Column('pay_cvs', sa.Text(), nullable=True),
    sa.Column('pay_no1', sa.Text(), nullable=True),
    sa.Column('pay_no2', sa.Text(), nullable=True),
    sa.Column('pay_limit', sa.Text(), nullable=True),
    sa.Column('sendid', sa.Text(), nullable=True),
    sa.Column('sendpoint', sa.Text(), nullable=True),
    sa.Column('flags', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('order_no', name=op.f('orders_pkey'))
    )
    op.create_table('subscribers',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('url', sa.Text(), nullable=False),
    sa.Column('event_types', sa.ARRAY(sa.Text()), nullable=True),
    sa.Column('customer', sa.Boolean(), nullable=False),
    sa.Column('ordered', sa.Boolean(), server_default=sa.text('true'), nullable=False),
    sa.Column('max_in_flight', sa.Integer(), server_default=sa.text('16'), nullable=False),
    sa.Column('timeout_ms', sa.Integer(), nullable=True),
    sa.Column('state', sa.Text(), nullable=False),
    sa.Column('pause_reason', sa.Text(), nullable=True),
    sa.Column('declared', sa.Boolean(), server_default=sa.text('false'), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('subscribers_pkey'))
    )
    op.create_index('subscribers_name_key', 'subscribers', ['name'], unique=True, postgresql_where=sa.text("state <> 'removed'"))
    op.create_table('outbound_webhooks',
    sa.Column('id', sa.BigInteger(), sa.Identity(always=True), nullable=False),
    sa.Column('event_id', sa.Uuid(), nullable=False),
    sa.Column('subscriber_id', sa.Uuid(), nullable=False),
    sa.Column('order_no', sa.Text(), nullable=True),
    sa.Column('sequence', sa.Integer(), nullable=True),
    sa.Column('state', sa.Text(), server_default=sa.text("'pending'"), nullable=False),
    sa.Column('due_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('attempts', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('excused', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('lease_token', sa.Uuid(), nullable=True),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('last_outcome', sa.Text(), nullable=True),
    sa.ForeignKeyConstraint(['subscriber_id'], ['subscribers.id'], name=op.f('outbound_webhooks_subscriber_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('outbound_webhooks_pkey')),
    postgresql_with={'autovacuum_vacuum_scale_factor': '0.01'}
    )
    op.create_index('outbound_webhooks_dead_idx', 'outbound_webhooks', ['subscriber_id', 'id'], unique=False, postgresql_where=sa.text("state = 'dead'"))
    op.create_index('outbound_webhooks_due_idx', 'outbound_webhooks', ['subscriber_id', 'due_at', 'id'], unique=False, postgresql_where=sa.text("state = 'pending'"))
    op.create_index('outbound_webhooks_event_key', 'outbound_webhooks', ['event_id', 'subscriber_id'], unique=True)
    op.create_index('outbound_webhooks_order_idx', 'outbound_webhooks', ['subscriber_id', 'order_no', 'sequence'], unique=False, postgresql_where=sa.text("state = 'pending' AND order_no IS NOT NULL"))
    op.create_table('subscriber_secrets',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subscriber_id', sa.Uuid(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['subscriber_id'], ['subscribers.id'], name=op.f('subscriber_secrets_subscriber_id_fkey'), ondelete='CASCADE'),
    sa.PrimaryKeyConstraint('id', name=op.f('subscriber_secrets_pkey'))
    )
    op.create_index(op.f('subscriber_secrets_subscriber_id_idx'), 'subscriber_secrets', ['subscriber_id'], unique=False)


def downgrade() -> None:
    op.drop_index(op.f('subscriber_secrets_subscriber_id_idx'), table_name='subscriber_secrets')
    op.drop_table('subscriber_secrets')
    op.drop_index('outbound_webhooks_order_idx', table_name='outbound_webhooks', postgresql_where=sa.text("state = 'pending' AND order_no IS NOT NULL"))
    op.drop_index('outbound_webhooks_event_key', table_name='outbound_webhooks')
    op.drop_index('outbound_webhooks_due_idx', table_name='outbound_webhooks', postgresql_where=sa.text("state = 'pending'"))
    op.drop_index('outbound_webhooks_dead_idx', table_name='outbound_webhooks', postgresql_where=sa.text("state = 'dead'"))
    op.drop_table('outbound_webhooks')
    op.drop_index('subscribers_name_key', table_name='subscribers', postgresql_where=sa.text("state <> 'removed'"))
    op.drop_table('subscribers')
    op.drop_table('orders')
    op.drop_index('notices_unjudged_idx', table_name='notices', postgresql_where=sa.text('verdict IS NULL'))
    op.drop_index('notices_order_no_idx', table_name='notices', postgresql_where=sa.text('order_no IS NOT NULL'))
    op.drop_index('notices_attention_idx', table_name='notices', postgresql_where=sa.text("verdict IN ('quarantined', 'conflict')"))
    op.drop_table('notices')
    op.drop_index('events_sequence_key', table_name='events', postgresql_where=sa.text('order_no IS NOT NULL'))
    op.drop_index('events_occurrence_key', table_name='events', postgresql_where=sa.text('status IS NOT NULL'))
    op.drop_index('events_notice_idx', table_name='events')
    op.drop_table('events')
    op.drop_index(op.f('attempts_outbound_webhook_id_idx'), table_name='attempts')
    op.drop_table('attempts')
    op.drop_table('answers')
