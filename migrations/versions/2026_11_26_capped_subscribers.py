"""Which subscribers share a few slots because their last attempt timed out or they fail; those that fail already are among them."""

import sqlalchemy as sa
from alembic import op

revision = '0013'
down_revision = '0012'


def upgrade() -> None:
    op.add_column('subscribers', sa.Column('capped_at', sa.TIMESTAMP(timezone=True)))
    op.execute('UPDATE subscribers SET capped_at = failing_since WHERE failures >= 10')


def downgrade() -> None:
    op.drop_column('subscribers', 'capped_at')
