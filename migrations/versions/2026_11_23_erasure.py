"""Erasure of personal data and pruning of history: which notices were erased, and how far housekeeping has come."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0006'


def upgrade() -> None:
    op.add_column('notices', sa.Column('erased_at', sa.DateTime(timezone=True), nullable=True))
    op.create_table('housekeeping_marks',
    sa.Column('name', sa.Text(), nullable=False),
    sa.Column('position', sa.Text(), nullable=False),
    sa.Column('updated_at', sa.DateTime(timezone=True), server_default=sa.text('now()'), nullable=False),
    sa.PrimaryKeyConstraint('name', name=op.f('housekeeping_marks_pkey'))
    )


def downgrade() -> None:
    op.drop_table('housekeeping_marks')
    op.drop_column('notices', 'erased_at')
