"""Migration to collation "C" on a Japanese ICU database with data, while the service runs."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from uuid import uuid4

import aiohttp
import asyncpg
import pytest

from app.db.connections import Connection, connect
from app.db.migrations import migrate
from tests.conftest import with_database
from tests.processes import ADMIN_TOKEN, processes, service_settings
from tests.subscriber import subscriber
from tests.system_postgres import INSTALLED, SystemPostgres, system_postgres

BEFORE, AFTER = "0014", "0015"
SECRET = "whsec_Zm9yIHRlc3RzIG9ubHksIG1ha2UgeW91ciBvd24hISE="
LETTERS = ["a", "A", "ｱ", "ア", "あ", "-", "_", "Ａ"]
ORDERS = [f"{letter}{number:02}" for letter in LETTERS for number in range(20)]
# Columns with words of our own in ASCII, which are never sorted.
WORDS = {"state", "type", "verdict", "version_num"}
_INDEXED = """
SELECT relname || '.' || attname AS name, attname, attcollation = '"C"'::regcollation AS plain
FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
WHERE relnamespace = current_schema()::regnamespace AND relkind = 'r' AND atttypid = 'text'::regtype
AND EXISTS (SELECT FROM pg_index WHERE indrelid = attrelid AND attnum = ANY (indkey))
"""
_INDEXES = """
SELECT relname, pg_get_indexdef(indexrelid) AS definition, indisvalid
FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
WHERE relnamespace = current_schema()::regnamespace ORDER BY 1
"""
_FILES = """
SELECT relname, pg_relation_filenode(oid) FROM pg_class
WHERE relname IN ('orders', 'events', 'notices', 'outbound_webhooks', 'audit_entries')
ORDER BY relname
"""
_FILL_ORDERS = """
INSERT INTO orders (order_no, status, state, cycle, sequence, money, sendid, telno_tail)
SELECT order_no, '04', 'paid', 1, 1, 77, 'S' || order_no, '1234' FROM unnest($1::text[]) AS order_no
"""
_FILL_EVENTS = """
INSERT INTO events (id, type, order_no, status, occurrence, sequence, created_at, data)
SELECT gen_random_uuid(), 'payment.received', order_no, '04', 1, 1, now(), '{}'::json
FROM unnest($1::text[]) AS order_no
UNION ALL
SELECT gen_random_uuid(), 'webhook.test', NULL, NULL, NULL, NULL, now(), '{}'::json
FROM generate_series(1, 3)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SystemPostgres]:
    """Yield a server with ICU."""
    if not INSTALLED:
        pytest.skip("needs Debian's package postgresql")
    with system_postgres(tmp_path_factory.mktemp("icu")) as running:
        yield running


@pytest.fixture(params=["embedded", "icu"])
def place(request: pytest.FixtureRequest, postgres_url: str) -> tuple[str, str]:
    """Return a server's URL and the options of its database: default, or Japanese ICU."""
    if request.param == "embedded":
        return postgres_url, "TEMPLATE template1"
    server: SystemPostgres = request.getfixturevalue("server")
    japanese = "TEMPLATE template0 LOCALE_PROVIDER icu ICU_LOCALE 'ja' LOCALE 'C.UTF-8'"
    return server.url, japanese


@pytest.fixture
async def url(place: tuple[str, str]) -> AsyncIterator[str]:
    """Yield the URL of a database at the revision before."""
    server_url, how = place
    name = f"test_{uuid4().hex}"
    admin = await connect(server_url)
    await admin.execute(f"CREATE DATABASE {name} {how}")
    here = with_database(server_url, name)
    await migrate(here, BEFORE)
    yield here
    await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
    await admin.close()


@pytest.fixture
async def filled(url: str) -> AsyncIterator[Connection]:
    """Yield a connection to that database, filled with orders and events."""
    connection = await connect(url)
    await connection.execute(_FILL_ORDERS, ORDERS)
    await connection.execute(_FILL_EVENTS, ORDERS)
    yield connection
    await connection.close()


async def _as_pairs(connection: Connection, query: str) -> list[tuple[object, ...]]:
    return [tuple(row.values()) for row in await connection.fetch(query)]


async def test_keys_are_sorted_by_bytes_and_no_table_is_rewritten(
    url: str, filled: Connection
) -> None:
    files = await _as_pairs(filled, _FILES)
    await migrate(url)
    assert files == await _as_pairs(filled, _FILES)
    rows = await filled.fetch(_INDEXED)
    assert {
        row["name"] for row in rows if not row["plain"] and row["attname"] not in WORDS
    } == set()
    found = await filled.fetch("SELECT order_no FROM orders ORDER BY order_no")
    assert sorted(ORDERS) == [row["order_no"] for row in found]


async def test_a_new_database_and_a_migrated_one_have_the_same_indexes(
    url: str, filled: Connection, database_url: str
) -> None:
    await migrate(url)
    new = await connect(database_url)
    assert await _as_pairs(new, _INDEXES) == await _as_pairs(filled, _INDEXES)
    assert all(row["indisvalid"] for row in await filled.fetch(_INDEXES))
    await new.close()


async def test_keys_are_still_unique(url: str, filled: Connection) -> None:
    await migrate(url)
    for statement, values in ((_FILL_ORDERS, ORDERS[:1]), (_FILL_EVENTS, ORDERS[:1])):
        with pytest.raises(asyncpg.UniqueViolationError):
            await filled.execute(statement, values)


async def test_down_and_up_again(url: str, filled: Connection) -> None:
    before = await _as_pairs(filled, _INDEXES)
    await migrate(url, AFTER)
    after = await _as_pairs(filled, _INDEXES)
    await migrate(url, "-1")
    assert before == await _as_pairs(filled, _INDEXES)
    await migrate(url, AFTER)
    assert after == await _as_pairs(filled, _INDEXES)


async def test_an_interrupted_migration_can_be_repeated(url: str, filled: Connection) -> None:
    # Indexes left by an interrupted attempt: one complete, one invalid.
    await filled.execute(
        'CREATE INDEX orders_created_idx_c ON orders (created_at, order_no COLLATE "C")'
    )
    with pytest.raises(asyncpg.UniqueViolationError):
        await filled.execute(
            "CREATE UNIQUE INDEX CONCURRENTLY orders_money_idx_c ON orders (money)"
        )
    await migrate(url)
    assert [] == [
        row for row in await filled.fetch(_INDEXES) if row["relname"].endswith(("_c", "_p"))
    ]


async def test_a_held_lock_delays_only_the_migration(url: str, filled: Connection) -> None:
    holder = await connect(url)
    await holder.execute("BEGIN; SELECT 1 FROM orders LIMIT 1")
    going = asyncio.create_task(migrate(url))
    await asyncio.sleep(5)
    assert not going.done()
    await asyncio.wait_for(filled.fetch("SELECT 1 FROM orders LIMIT 1"), 5)
    await holder.execute("COMMIT")
    await going
    await holder.close()


@pytest.mark.timeout(240)
async def _stamp(connection: Connection, revision: str) -> None:
    await connection.execute("UPDATE alembic_version SET version_num = $1", revision)


async def test_pages_stay_complete_and_the_service_continues(
    url: str, filled: Connection, tmp_path: Path
) -> None:
    # The service needs the later migrations, so that this one comes after them here.
    await _stamp(filled, AFTER)
    await migrate(url)
    async with subscriber(SECRET) as merchant:
        declared = f'[{{"name":"shop","url":"{merchant.url}","secret":"{SECRET}"}}]'
        settings = service_settings(url) | {
            "SUBSCRIBERS": declared,
            "RETRY_SCHEDULE": "0s,1s,1s,1s",
        }
        with processes(tmp_path) as starter:
            started = [
                starter.start(process, **settings) for process in ("receive", "work", "operate")
            ]
            receiver = "{}:{}".format(*await started[0].ready("receiver"))
            operator = "{}:{}".format(*await started[2].ready("operator"))
            await started[1].logged("working")
            calls = asyncio.create_task(_call(receiver, 200))
            assert len(ORDERS) == await _count_orders(operator)
            await _stamp(filled, BEFORE)
            await migrate(url, AFTER)
            assert len(ORDERS) == await _count_orders(operator)
            await calls
            await merchant.wait_for(200, patience=60)
            for process in started:
                assert "Traceback" not in process.log_text()
                process.terminate()
            assert [0, 0, 0] == [await process.ended() for process in started]


async def _call(receiver: str, count: int) -> None:
    async with aiohttp.ClientSession() as client:
        for number in range(count):
            query = f"order_no=N{number}&status=04&money=5"
            async with client.get(f"http://{receiver}/zeus/notify?{query}") as answer:
                assert 200 == answer.status
            await asyncio.sleep(0.02)


async def _count_orders(operator: str) -> int:
    """Read all pages of seven orders and return the number of different orders."""
    found: list[str] = []
    cursor: dict[str, str] = {}
    headers = {"Authorization": f"Bearer {ADMIN_TOKEN}"}
    async with aiohttp.ClientSession(headers=headers) as client:
        while True:
            parameters = {"money": "77", "limit": "7", **cursor}
            async with client.get(f"http://{operator}/v1/orders", params=parameters) as answer:
                if answer.status == 503:  # a statement was prepared before the migration
                    await asyncio.sleep(float(answer.headers["Retry-After"]))
                    continue
                assert 200 == answer.status, await answer.text()
                page = await answer.json()
            found += [order["order_no"] for order in page["items"]]
            if not page["has_more"]:
                assert len(found) == len(set(found))
                return len(found)
            cursor = {"cursor": page["next_cursor"]}
