"""The feed: a position for each event, subscribers that poll; also what webhooks need to reach a subscriber, and public keys."""

import sqlalchemy as sa
from alembic import op

revision = '0005'
down_revision = '0004'


def upgrade() -> None:
    op.add_column('events', sa.Column('position', sa.BigInteger(), nullable=True))
    op.execute('CREATE SEQUENCE events_position_seq AS bigint OWNED BY events.position')
    op.add_column('subscribers', sa.Column('feed', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('subscribers', sa.Column('feed_hash', sa.LargeBinary(), nullable=True))
    op.add_column('subscribers', sa.Column('header_names', sa.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False))
    op.add_column('subscribers', sa.Column('private_ca', sa.Boolean(), server_default=sa.text('false'), nullable=False))
    op.add_column('subscribers', sa.Column('client_certificate_expires_at', sa.DateTime(timezone=True), nullable=True))
    op.add_column('subscribers', sa.Column('sealed_transport', sa.LargeBinary(), nullable=True))
    op.create_index('subscribers_feed_key', 'subscribers', ['feed_hash'], unique=True, postgresql_where=sa.text('feed_hash IS NOT NULL'))
    op.add_column('subscriber_secrets', sa.Column('public_key', sa.Text(), nullable=True))


def downgrade() -> None:
    op.drop_column('subscriber_secrets', 'public_key')
    op.drop_index('subscribers_feed_key', table_name='subscribers', postgresql_where=sa.text('feed_hash IS NOT NULL'))
    for column in ('sealed_transport', 'client_certificate_expires_at', 'private_ca', 'header_names', 'feed_hash', 'feed'):
        op.drop_column('subscribers', column)
    op.drop_column('events', 'position')
