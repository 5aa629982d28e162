"""Sessions of the console that were signed out, and what alerts have told."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0010'
down_revision = '0009'


def upgrade() -> None:
    op.create_table('ended_sessions',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('until', sa.DateTime(timezone=True), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('ended_sessions_pkey'))
    )
    op.create_table('alert_memory',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('told', postgresql.JSONB(astext_type=sa.Text()), nullable=False),
    sa.Column('waiting', sa.ARRAY(sa.Text()), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('alert_memory_pkey'))
    )


def downgrade() -> None:
    op.drop_table('alert_memory')
    op.drop_table('ended_sessions')
