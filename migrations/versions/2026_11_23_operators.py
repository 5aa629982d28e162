"""Operators: tokens, audit, answers that are given once more; and what an operator has dismissed."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0003'
down_revision = '0002'

DISMISSIBLE = ('notices', 'rejected_samples', 'outbound_webhooks')


def upgrade() -> None:
    op.create_table('operator_tokens',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('hash', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('last_used_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('expires_at', sa.DateTime(timezone=True), nullable=True),
    sa.Column('revoked_at', sa.DateTime(timezone=True), nullable=True),
    sa.PrimaryKeyConstraint('id', name=op.f('operator_tokens_pkey')),
    sa.UniqueConstraint('hash', name=op.f('operator_tokens_hash_key'))
    )
    op.create_index('operator_tokens_name_key', 'operator_tokens', ['name'], unique=True, postgresql_where=sa.text('revoked_at IS NULL'))
    op.create_table('audit_entries',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('operator', sa.Text(), nullable=False),
    sa.Column('role', sa.Text(), nullable=False),
    sa.Column('via', sa.Text(), nullable=False),
    sa.Column('action', sa.Text(), nullable=False),
    sa.Column('subject', sa.Text(), nullable=False),
    sa.Column('details', postgresql.JSONB(astext_type=sa.Text()), server_default=sa.text("'{}'"), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('audit_entries_pkey'))
    )
    op.create_index('audit_entries_operator_idx', 'audit_entries', ['operator', 'id'], unique=False)
    op.create_index('audit_entries_action_idx', 'audit_entries', ['action', 'id'], unique=False)
    op.create_index('audit_entries_subject_idx', 'audit_entries', ['subject', 'id'], unique=False)
    op.create_table('idempotent_answers',
    sa.Column('operator', sa.Text(), nullable=False),
    sa.Column('key', sa.Text(), nullable=False),
    sa.Column('request_hash', sa.LargeBinary(), nullable=False),
    sa.Column('sealed', sa.LargeBinary(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('operator', 'key', name=op.f('idempotent_answers_pkey'))
    )
    op.create_index(op.f('idempotent_answers_created_at_idx'), 'idempotent_answers', ['created_at'], unique=False)
    for table in DISMISSIBLE:
        op.add_column(table, sa.Column('dismissed_at', sa.DateTime(timezone=True), nullable=True))
        op.add_column(table, sa.Column('dismissal', sa.Text(), nullable=True))


def downgrade() -> None:
    for table in DISMISSIBLE:
        op.drop_column(table, 'dismissal')
        op.drop_column(table, 'dismissed_at')
    for table in ('idempotent_answers', 'audit_entries', 'operator_tokens'):
        op.drop_table(table)
