"""Mails from Zeus, and the positions in the mailbox: new tables only."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0019"
down_revision = "0018"


def upgrade() -> None:
    op.create_table(
        "mails",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("hash", sa.LargeBinary(), nullable=False),
        sa.Column("part", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        _moment("received_at", server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("via", sa.Text(), nullable=False),
        sa.Column("raw", sa.LargeBinary(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("message_id", sa.Text()),
        _code("state", server_default=sa.text("'unread'"), nullable=False),
        _moment("judged_at"),
        sa.Column("believed", sa.Boolean()),
        sa.Column("belief", sa.Text()),
        _code("kind"),
        *(_code(name) for name in ("status", "clientip", "order_no")),
        sa.Column("money", sa.BigInteger()),
        _moment("occurred_at"),
        sa.Column("store", sa.Text()),
        *(_code(name) for name in ("pay_cvs", "pay_no1", "pay_no2", "pay_limit")),
        sa.Column("telno_tail", sa.Text()),
        _texts("unread"),
        _texts("flags"),
        sa.Column("notice_id", sa.Uuid()),
        sa.Column("healing_notice_id", sa.Uuid()),
        _moment("settled_at"),
        _moment("erased_at"),
        sa.PrimaryKeyConstraint("id", name="mails_pkey"),
    )
    op.create_index("mails_hash_key", "mails", ["hash", "part"], unique=True)
    op.create_index("mails_unread_idx", "mails", ["id"], postgresql_where="state = 'unread'")
    op.create_index(
        "mails_waiting_idx", "mails", ["received_at", "id"], postgresql_where="state = 'waiting'"
    )
    op.create_index("mails_state_idx", "mails", ["state", "id"])
    op.create_index("mails_kind_idx", "mails", ["kind", "id"])
    op.create_index(
        "mails_unerased_idx", "mails", ["id"], postgresql_where="erased_at IS NULL"
    )
    op.create_index(
        "mails_call_failed_idx",
        "mails",
        ["id"],
        postgresql_where="state = 'call_failed' AND settled_at IS NULL",
    )
    op.create_index(
        "mails_order_no_idx",
        "mails",
        ["order_no", "status", "id"],
        postgresql_where="order_no IS NOT NULL",
    )
    op.create_table(
        "mailboxes",
        _code("name", nullable=False),
        sa.Column("uidvalidity", sa.BigInteger(), nullable=False),
        sa.Column("uid", sa.BigInteger(), nullable=False),
        _moment("read_at"),
        _moment("last_mail_at"),
        sa.PrimaryKeyConstraint("name", name="mailboxes_pkey"),
    )


def downgrade() -> None:
    op.drop_table("mailboxes")
    op.drop_table("mails")


def _code(name: str, **options: object) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), **{"nullable": True, **options})


def _texts(name: str) -> sa.Column[object]:
    return sa.Column(
        name, postgresql.ARRAY(sa.Text()), server_default=sa.text("'{}'"), nullable=False
    )


def _moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **options)
