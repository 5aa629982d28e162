"""Applications to Zeus, the keys of their references, and the mark of test orders.

New columns of large tables are nullable or have a constant default, so no row is rewritten. Indexes
of large tables are built while the service runs.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0018"
down_revision = "0017"

_INDEXES = {
    "orders_application_idx": "INDEX {} ON orders (application_id) "
    "WHERE application_id IS NOT NULL",
    "orders_test_idx": "INDEX {} ON orders (created_at, order_no) WHERE test",
}


def upgrade() -> None:
    _make_applications()
    op.create_table(
        "reference_keys",
        sa.Column("fingerprint", sa.LargeBinary(), nullable=False),
        sa.Column("sealed", sa.LargeBinary(), nullable=False),
        _moment("created_at", server_default=sa.func.now(), nullable=False),
        _moment("retired_at"),
        sa.PrimaryKeyConstraint("fingerprint", name="reference_keys_pkey"),
    )
    op.add_column("orders", sa.Column("application_id", sa.Uuid()))
    for table in ("orders", "events"):
        op.add_column(
            table,
            sa.Column("test", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        )
    op.add_column(
        "subscribers",
        sa.Column("test", sa.Text(), server_default=sa.text("'exclude'"), nullable=False),
    )
    with op.get_context().autocommit_block():
        for name, definition in _INDEXES.items():
            op.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {name}")
            op.execute("CREATE " + definition.format(name).replace("INDEX", "INDEX CONCURRENTLY", 1))


def downgrade() -> None:
    for name in _INDEXES:
        op.execute(f"DROP INDEX IF EXISTS {name}")
    for table in ("subscribers", "events", "orders"):
        op.drop_column(table, "test")
    op.drop_column("orders", "application_id")
    op.drop_table("reference_keys")
    op.drop_table("applications")


def _make_applications() -> None:
    op.create_table(
        "applications",
        sa.Column("id", sa.Uuid(), nullable=False),
        _code("key", nullable=False),
        sa.Column("request_hash", sa.LargeBinary(), nullable=False),
        _moment("created_at", server_default=sa.func.clock_timestamp(), nullable=False),
        sa.Column("created_by", sa.Text(), nullable=False),
        _code("state", nullable=False),
        _code("clientip", nullable=False),
        sa.Column("money", sa.Integer(), nullable=False),
        _code("pay_cvs", nullable=False),
        _code("sendid"),
        _code("sendpoint", nullable=False),
        sa.Column("test", sa.Text()),
        sa.Column("replaces", sa.Uuid()),
        sa.Column("customer", postgresql.JSONB()),
        sa.Column("form", sa.LargeBinary(), nullable=False),
        sa.Column("tries", sa.Integer(), server_default=sa.text("1"), nullable=False),
        _moment("sent_at"),
        _moment("lost_after"),
        _moment("answered_at"),
        sa.Column("answer_status", sa.Integer()),
        sa.Column("answer", sa.LargeBinary()),
        sa.Column("failure", sa.Text()),
        _code("order_no"),
        *(_code(name) for name in ("pay_no1", "pay_no2", "pay_limit")),
        sa.Column("pay_url", sa.Text()),
        _code("error_code"),
        _code("parameter"),
        *(_moment(name) for name in ("called_at", "asked_at", "resolved_at")),
        sa.Column("resolved_by", sa.Text()),
        _moment("erased_at"),
        sa.PrimaryKeyConstraint("id", name="applications_pkey"),
        sa.UniqueConstraint("key", name="applications_key_key"),
    )
    for name, columns, condition in (
        ("state", ["state", "id"], None),
        ("sendid", ["sendid", "id"], "sendid <> ''"),
        ("order_no", ["order_no", "id"], "order_no IS NOT NULL"),
        ("replaces", ["replaces"], "replaces IS NOT NULL"),
        ("test", ["id"], "test IS NOT NULL"),
        ("open", ["id"], "state IN ('sending', 'unknown')"),
        ("unerased", ["id"], "erased_at IS NULL"),
        ("uncalled", ["id"], "state = 'accepted' AND called_at IS NULL AND asked_at IS NULL"),
    ):
        op.create_index(
            f"applications_{name}_idx", "applications", columns, postgresql_where=condition
        )


def _code(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **options)
