"""The health and the pace of subscribers, and recoveries as jobs."""

import sqlalchemy as sa
from alembic import op

revision = '0008'
down_revision = '0007'

COLUMNS = (
    ('failures', sa.Integer(), sa.text('0')),
    ('failing_since', sa.DateTime(timezone=True), None),
    ('failure_told', sa.Boolean(), sa.text('false')),
    ('last_success_at', sa.DateTime(timezone=True), None),
    ('rate_limit', sa.Integer(), None),
    ('resumed_at', sa.DateTime(timezone=True), None),
    ('allowance', sa.Float(), sa.text('0')),
    ('allowance_at', sa.DateTime(timezone=True), None),
)


def upgrade() -> None:
    for name, kind, default in COLUMNS:
        op.add_column('subscribers', sa.Column(name, kind, server_default=default, nullable=default is None))
    op.create_table('recovery_jobs',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('subscriber_id', sa.Uuid(), nullable=False),
    sa.Column('since', sa.DateTime(timezone=True), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.Column('event_types', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('scope', sa.Text(), nullable=False),
    sa.Column('rate', sa.Integer(), nullable=True),
    sa.Column('state', sa.Text(), server_default=sa.text("'running'"), nullable=False),
    sa.Column('total', sa.Integer(), nullable=False),
    sa.Column('done', sa.Integer(), server_default=sa.text('0'), nullable=False),
    sa.Column('cursor', sa.Uuid(), nullable=False),
    sa.Column('created_by', sa.Text(), nullable=False),
    sa.Column('created_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('advanced_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.Column('finished_at', sa.DateTime(timezone=True), nullable=True),
    sa.ForeignKeyConstraint(['subscriber_id'], ['subscribers.id'], name=op.f('recovery_jobs_subscriber_id_fkey')),
    sa.PrimaryKeyConstraint('id', name=op.f('recovery_jobs_pkey'))
    )
    op.create_index('recovery_jobs_running_idx', 'recovery_jobs', ['advanced_at'], unique=False, postgresql_where=sa.text("state = 'running'"))


def downgrade() -> None:
    op.drop_table('recovery_jobs')
    for name, _, _ in reversed(COLUMNS):
        op.drop_column('subscribers', name)
