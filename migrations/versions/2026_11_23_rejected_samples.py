"""Samples of rejected calls, and the mark on a notice that was too long to be kept whole."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = '0002'
down_revision = '0001'


def upgrade() -> None:
    op.create_table('rejected_samples',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('lane', sa.SmallInteger(), nullable=False),
    sa.Column('received_at', sa.DateTime(timezone=True), nullable=False),
    sa.Column('source', postgresql.INET(), nullable=False),
    sa.Column('method', sa.Text(), nullable=False),
    sa.Column('target', sa.LargeBinary(), nullable=False),
    sa.Column('headers', sa.LargeBinary(), nullable=False),
    sa.Column('body', sa.LargeBinary(), nullable=False),
    sa.PrimaryKeyConstraint('id', name=op.f('rejected_samples_pkey'))
    )
    op.add_column('notices', sa.Column('cut', sa.Boolean(), server_default=sa.text('false'), nullable=False))


def downgrade() -> None:
    op.drop_column('notices', 'cut')
    op.drop_table('rejected_samples')
