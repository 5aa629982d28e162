"""Plan of the relatives by application: an index leads to them, whatever else is there."""

from app.db.connections import HELD_TO_INDEXES, connect
from app.judging.surroundings import SURROUNDINGS

NAMES = ("clientips", "sendids", "applications", "order_nos", "unwanted_sendids")
ID = "00000000-0000-0000-0000-000000000007"


async def test_relatives_are_found_by_indexes(database_url: str) -> None:
    connection = await connect(database_url, planner=HELD_TO_INDEXES)
    await connection.execute("SET plan_cache_mode = force_generic_plan")
    sql = SURROUNDINGS
    for number, name in enumerate(NAMES, 1):
        sql = sql.replace(f":{name}", f"${number}")
    await connection.execute(f"PREPARE around AS {sql}")
    await connection.execute(f"""
INSERT INTO orders (order_no, status, state, cycle, sequence, sendid, application_id)
SELECT 'o-' || n, '01', 'awaiting_payment', 1, 1, 'S-' || n,
  CASE WHEN n % 10000 = 0 THEN CAST('{ID}' AS uuid) END
FROM generate_series(1, 20000) AS n""")
    await connection.execute("ANALYZE orders")
    answer = await connection.fetch(
        f"EXPLAIN ANALYZE EXECUTE around ('{{2012000001}}', '{{S-5}}', '{{{ID}}}', '{{}}', '{{}}')"
    )
    await connection.close()
    plan = "\n".join(row[0] for row in answer)
    assert "orders_application_idx" in plan
    assert "Seq Scan on orders" not in plan
