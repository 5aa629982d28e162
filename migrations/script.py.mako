"""${message}

Safe under load: lock_timeout is 3 s and the migration is tried again. Add columns without a volatile default, build indexes on
large tables with postgresql_concurrently inside `op.get_context().autocommit_block()`, and split what rewrites a table.
Text that is part of a key needs the collation "C".
"""

import sqlalchemy as sa
from alembic import op
${imports if imports else ""}

revision = ${repr(up_revision)}
down_revision = ${repr(down_revision)}


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
