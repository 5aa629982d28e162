"""The order's life: reviews, unwanted purchases, releases, and indexes for timers and lists.

New columns of large tables are nullable or have a constant default, so no row is rewritten. Indexes
of large tables are built while the service runs.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0016"
down_revision = "0015"

_ORDERS = ("released_cycle", "revoked_cycle", "held_cycle", "overdue_cycle")
_INDEXES = {
    "orders_state_idx": "INDEX {} ON orders (state, created_at, order_no)",
    "orders_awaiting_idx": "INDEX {} ON orders (pay_limit, order_no) "
    "WHERE state = 'awaiting_payment' AND pay_limit ~ '^[0-9]{{4}}[01][0-9][0-3][0-9]$'",
    "orders_provisional_idx": "INDEX {} ON orders ((COALESCE(paid_at, updated_at)), order_no) "
    "WHERE state IN ('paid', 'paid_after_cancel') "
    "AND (overdue_cycle IS NULL OR overdue_cycle <> cycle)",
    "events_once_key": "UNIQUE INDEX {} ON events (order_no, type, cycle) WHERE type IN "
    "('order.expiry_presumed', 'order.released', 'order.release_revoked')",
}
# What stood apart until now and is still open.
_OPEN_REVIEWS = """
INSERT INTO reviews (id, reason, order_no, notice_id, details, opened_at)
SELECT id, verdict, order_no, id, json_build_object('reasons', reasons), judged_at
FROM notices WHERE verdict IN ('quarantined', 'conflict') AND dismissed_at IS NULL
  AND judged_at IS NOT NULL
"""


def upgrade() -> None:
    _make_tables()
    for name in _ORDERS:
        op.add_column("orders", sa.Column(name, sa.Integer()))
    op.add_column("orders", sa.Column("paid_at", sa.TIMESTAMP(timezone=True)))
    # Days are compared as text, so no update of the system's collations may reorder them.
    op.execute('ALTER TABLE orders ALTER COLUMN pay_limit TYPE text COLLATE "C"')
    op.add_column(
        "notices", sa.Column("origin", sa.Text(), server_default=sa.text("'call'"), nullable=False)
    )
    op.add_column("notices", sa.Column("corrections", postgresql.JSONB()))
    op.execute(_OPEN_REVIEWS)
    with op.get_context().autocommit_block():
        for name, definition in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute("CREATE " + definition.format(name).replace("INDEX", "INDEX CONCURRENTLY", 1))


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
    op.execute('ALTER TABLE orders ALTER COLUMN pay_limit TYPE text COLLATE "default"')
    op.execute(
        "UPDATE orders SET state = 'awaiting_payment' WHERE state = 'expiry_presumed'"
    )
    op.drop_column("notices", "corrections")
    op.drop_column("notices", "origin")
    for name in (*_ORDERS, "paid_at"):
        op.drop_column("orders", name)
    for table in ("review_notes", "reviews", "unwanted"):
        op.drop_table(table)


def _make_tables() -> None:
    op.create_table(
        "reviews",
        sa.Column("id", sa.Uuid(), nullable=False),
        _code("reason", nullable=False),
        _code("order_no"),
        _code("related_order_no"),
        sa.Column("cycle", sa.Integer()),
        sa.Column("notice_id", sa.Uuid()),
        _code("key"),
        sa.Column("details", sa.JSON(), nullable=False),
        sa.Column("recheck", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        _moment("opened_at", server_default=sa.func.now(), nullable=False),
        _moment("settled_at"),
        sa.Column("settlement", sa.Text()),
        sa.Column("settled_by", sa.Text()),
        sa.Column("note", sa.Text()),
        sa.PrimaryKeyConstraint("id", name="reviews_pkey"),
    )
    op.create_index(
        "reviews_open_idx", "reviews", ["reason", "id"], postgresql_where="settled_at IS NULL"
    )
    for column in ("reason", "order_no", "related_order_no"):
        op.create_index(f"reviews_{column}_idx", "reviews", [column, "id"])
    op.create_index("reviews_notice_id_idx", "reviews", ["notice_id"])
    op.create_index("reviews_key_key", "reviews", ["key"], unique=True)
    op.create_index("reviews_recheck_idx", "reviews", ["id"], postgresql_where="recheck")
    op.create_table(
        "review_notes",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("review_id", sa.Uuid(), nullable=False),
        _moment("written_at", server_default=sa.func.now(), nullable=False),
        sa.Column("written_by", sa.Text(), nullable=False),
        sa.Column("text", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name="review_notes_pkey"),
        sa.ForeignKeyConstraint(
            ["review_id"], ["reviews.id"], name="review_notes_review_id_fkey"
        ),
    )
    op.create_index("review_notes_review_id_idx", "review_notes", ["review_id", "id"])
    op.create_table(
        "unwanted",
        _code("kind", nullable=False),
        _code("value", nullable=False),
        _moment("created_at", server_default=sa.func.now(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "value", name="unwanted_pkey"),
    )


def _code(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **options)
