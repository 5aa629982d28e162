"""INSERT of notices and of the answer log, for the appender and the drainer."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from app.db.connections import Connection
from app.recording.notice import RawNotice

# One statement is one transaction and one round trip. The id makes a repeated append harmless,
# after an uncertain commit too.
_APPEND = """
WITH answered AS (
  INSERT INTO answers (notice_id, answered_at)
  SELECT * FROM unnest($10::uuid[], $11::timestamptz[])
  ON CONFLICT DO NOTHING
)
INSERT INTO notices (id, lane, received_at, source, method, target, headers, body, cut)
SELECT id, lane, received_at, source::inet, method, target, headers, body, cut
FROM unnest(
    $1::uuid[], $2::smallint[], $3::timestamptz[], $4::text[], $5::text[], $6::bytea[],
    $7::bytea[], $8::bytea[], $9::boolean[])
  AS call (id, lane, received_at, source, method, target, headers, body, cut)
ON CONFLICT DO NOTHING
"""

Answer = tuple[UUID, datetime]


async def append_notices(
    connection: Connection, notices: Sequence[RawNotice], answers: Sequence[Answer] = ()
) -> None:
    """Insert notices and the answer log in one transaction. Rows that exist stay as they are."""
    await connection.execute(
        _APPEND,
        *_columns(notices),
        [answer[0] for answer in answers],
        [answer[1] for answer in answers],
    )


def _columns(notices: Sequence[RawNotice]) -> list[list[object]]:
    return [
        [notice.id for notice in notices],
        [notice.lane for notice in notices],
        [notice.received_at for notice in notices],
        [notice.source for notice in notices],
        [notice.method for notice in notices],
        [notice.target for notice in notices],
        [notice.headers for notice in notices],
        [notice.body for notice in notices],
        [notice.cut for notice in notices],
    ]
