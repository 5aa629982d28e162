"""Collation "C" for keys and codes, so that no update of the system's collations reorders their indexes.

Built while the service goes on. A column's collation is changed without touching a row, but Postgres
rebuilds every index of the column under a lock unless the index has the new collation already and no
predicate. So each index is first built anew beside the old one, with the new collation and without a
predicate; then old and new change places in one short transaction; and where the predicate matters,
the index is built once more with it. Whatever was interrupted is taken up where it ended.
"""

from typing import NamedTuple

from alembic import op
from sqlalchemy import text

revision = '0015'
down_revision = '0014'


class Index(NamedTuple):
    """One index of a table: its columns, and where only some rows are in it the predicate.

    `kept` says that it may lose its predicate, because the rows that it leaves out are few.
    `bridged` says that an index without the predicate stands in while the other one is built; without
    one, only searches are slower meanwhile.
    """

    name: str
    columns: str
    unique: bool = False
    primary: bool = False
    predicate: str = ''
    kept: bool = False
    bridged: bool = True


LARGE = {
    'orders': (
        ('order_no', 'sendid', 'telno_tail'),
        (
            Index('orders_pkey', 'order_no', unique=True, primary=True),
            Index('orders_created_idx', 'created_at, order_no'),
            Index('orders_money_idx', 'money, created_at, order_no'),
            Index('orders_telno_tail_idx', 'telno_tail, created_at, order_no', predicate='telno_tail IS NOT NULL'),
            # A sendid can be too long for any index, so that only the short ones can be in one.
            Index(
                'orders_short_sendid_idx',
                'sendid, created_at, order_no',
                predicate="sendid <> '' AND length(sendid) <= 255",
                bridged=False,
            ),
        ),
    ),
    'events': (
        ('order_no', 'status'),
        (
            Index('events_occurrence_key', 'order_no, status, occurrence', unique=True, predicate='status IS NOT NULL', kept=True),
            Index('events_sequence_key', 'order_no, sequence', unique=True, predicate='order_no IS NOT NULL', kept=True),
        ),
    ),
    'outbound_webhooks': (
        ('order_no',),
        (
            Index(
                'outbound_webhooks_order_idx',
                'subscriber_id, order_no, sequence',
                predicate="state = 'pending' AND order_no IS NOT NULL",
            ),
        ),
    ),
    'notices': (
        ('order_no',),
        (Index('notices_order_no_idx', 'order_no, id', predicate='order_no IS NOT NULL'),),
    ),
    'audit_entries': (
        ('operator', 'action', 'subject'),
        (
            Index('audit_entries_operator_idx', 'operator, id'),
            Index('audit_entries_action_idx', 'action, id'),
            Index('audit_entries_subject_idx', 'subject, id'),
        ),
    ),
}
SMALL = {
    'alert_memory': ('name',),
    'housekeeping_marks': ('name',),
    'idempotent_answers': ('operator', 'key'),
    'operator_tokens': ('name',),
    'subscribers': ('name',),
}


def upgrade() -> None:
    with op.get_context().autocommit_block():
        for table, (columns, indexes) in LARGE.items():
            _collate_large(table, columns, indexes)
        for table, columns in SMALL.items():
            op.execute(_alter(table, columns, '"C"'))


def downgrade() -> None:
    for table, (columns, _) in LARGE.items():
        op.execute(_alter(table, columns, '"default"'))
    for table, columns in SMALL.items():
        op.execute(_alter(table, columns, '"default"'))
    for index in LARGE['events'][1]:
        op.execute(f'DROP INDEX {index.name}')
        op.execute(f'CREATE UNIQUE INDEX {index.name} ON events ({index.columns}) WHERE {index.predicate}')


def _collate_large(table: str, columns: tuple[str, ...], indexes: tuple[Index, ...]) -> None:
    if not _is_collated(table, columns):
        for index in indexes:
            if index.bridged:
                keys = ', '.join(f'{key} COLLATE "C"' if key in columns else key for key in index.columns.split(', '))
                _build(f'{index.name}_c', table, keys, index.unique)
        op.execute(_swap(table, columns, indexes))
        _analyze(table, columns)
    for index in indexes:
        if index.predicate and not index.kept and not _is_partial(index.name):
            _build(f'{index.name}_p', table, index.columns, index.unique, index.predicate)
            op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {index.name}')
            op.execute(f'ALTER INDEX {index.name}_p RENAME TO {index.name}')


def _analyze(table: str, columns: tuple[str, ...]) -> None:
    """The columns' statistics went with the old collation. A table without rows had none and is to keep none."""
    query = text('SELECT reltuples > 0 FROM pg_class WHERE oid = to_regclass(:table)')
    if op.get_bind().execute(query, {'table': table}).scalar():
        op.execute(f'ANALYZE {table} ({", ".join(columns)})')


def _swap(table: str, columns: tuple[str, ...], indexes: tuple[Index, ...]) -> str:
    """One statement, which is one transaction: all of it or, if a lock is not granted in time, nothing."""
    steps = []
    for index in indexes:
        drop = f'ALTER TABLE {table} DROP CONSTRAINT {index.name}' if index.primary else f'DROP INDEX IF EXISTS {index.name}'
        steps.append(drop)
    steps.append(_alter(table, columns, '"C"'))
    for index in indexes:
        if index.primary:
            steps.append(f'ALTER TABLE {table} ADD CONSTRAINT {index.name} PRIMARY KEY USING INDEX {index.name}_c')
        elif index.bridged:
            steps.append(f'ALTER INDEX {index.name}_c RENAME TO {index.name}')
    body = '; '.join(steps)
    return f'DO $$ BEGIN LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE; {body}; END $$'


def _alter(table: str, columns: tuple[str, ...], collation: str) -> str:
    return f'ALTER TABLE {table} ' + ', '.join(f'ALTER COLUMN {column} TYPE text COLLATE {collation}' for column in columns)


def _build(name: str, table: str, keys: str, unique: bool, predicate: str = '') -> None:
    if _exists(name):
        return
    op.execute(f'DROP INDEX CONCURRENTLY IF EXISTS {name}')  # what an interrupted try left is not valid
    where = f' WHERE {predicate}' if predicate else ''
    op.execute(f'CREATE {"UNIQUE " if unique else ""}INDEX CONCURRENTLY {name} ON {table} ({keys}){where}')


def _exists(name: str) -> bool:
    query = text('SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:name)')
    return bool(op.get_bind().execute(query, {'name': name}).scalar())


def _is_partial(name: str) -> bool:
    query = text('SELECT indisvalid AND indpred IS NOT NULL FROM pg_index WHERE indexrelid = to_regclass(:name)')
    return bool(op.get_bind().execute(query, {'name': name}).scalar())


def _is_collated(table: str, columns: tuple[str, ...]) -> bool:
    query = text(
        "SELECT count(*) FROM pg_attribute WHERE attrelid = to_regclass(:table) AND attname = ANY(:columns) "
        "AND attcollation = '\"C\"'::regcollation"
    )
    found = op.get_bind().execute(query, {'table': table, 'columns': list(columns)}).scalar()
    return found == len(columns)
