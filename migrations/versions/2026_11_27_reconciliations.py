"""Reconciliations: files of Zeus's console and the comparison of their rows with our orders."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"

_COUNTS = (
    "compared",
    "agrees",
    "unknown_here",
    "behind",
    "amount_differs",
    "unknown_there",
    "healed",
)
_DIFFERS = sa.text("outcome <> 'agrees'")


def upgrade() -> None:
    op.create_table(
        "reconciliations",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("heal", sa.Boolean(), nullable=False),
        sa.Column("state", sa.Text(), server_default=sa.text("'comparing'"), nullable=False),
        sa.Column("total", sa.Integer(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), server_default=sa.text("0"), nullable=False)
            for name in _COUNTS
        ),
        _moment("first_at"),
        _moment("last_at"),
        _moment("searched_at"),
        _code("searched_order_no"),
        sa.Column("created_by", sa.Text(), nullable=False),
        _moment("created_at", server_default=sa.func.now(), nullable=False),
        _moment("advanced_at", server_default=sa.func.now(), nullable=False),
        _moment("finished_at"),
        sa.PrimaryKeyConstraint("id", name="reconciliations_pkey"),
    )
    op.create_index(
        "reconciliations_unfinished_idx",
        "reconciliations",
        ["advanced_at"],
        postgresql_where=sa.text("state <> 'done'"),
    )
    _make_rows()


def downgrade() -> None:
    op.drop_table("reconciliation_rows")
    op.drop_table("reconciliations")


def _make_rows() -> None:
    op.create_table(
        "reconciliation_rows",
        sa.Column("reconciliation_id", sa.Uuid(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("line", sa.Integer()),
        _code("order_no", nullable=False),
        _code("status"),
        sa.Column("money", sa.BigInteger()),
        _code("outcome"),
        _code("our_status"),
        sa.Column("our_money", sa.BigInteger()),
        sa.Column("notice_id", sa.Uuid()),
        sa.PrimaryKeyConstraint("reconciliation_id", "number", name="reconciliation_rows_pkey"),
    )
    rows = "reconciliation_rows"
    op.create_index(f"{rows}_order_no_idx", rows, ["reconciliation_id", "order_no"])
    op.create_index(
        f"{rows}_differs_idx", rows, ["reconciliation_id", "number"], postgresql_where=_DIFFERS
    )
    op.create_index(
        f"{rows}_outcome_idx",
        rows,
        ["reconciliation_id", "outcome", "number"],
        postgresql_where=_DIFFERS,
    )
    op.create_index(
        f"{rows}_healed_idx",
        rows,
        ["order_no"],
        postgresql_where=sa.text("notice_id IS NOT NULL"),
    )


def _code(name: str, *, nullable: bool = True) -> sa.Column[str]:
    return sa.Column(name, sa.Text(collation="C"), nullable=nullable)


def _moment(name: str, **options: object) -> sa.Column[object]:
    return sa.Column(name, sa.TIMESTAMP(timezone=True), **options)
