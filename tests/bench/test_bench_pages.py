"""The bench requests every page of the console and every list of the API.

A tiny database of two years has all its rows and indexes.
"""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from app.api.application import make_api
from app.console.application import ENTRIES
from app.crypto.vault import Vault
from app.db.connections import connect
from app.db.engine import make_engine, make_sessions
from app.operations.subscribers.models import NewSubscriber
from app.operations.subscribers.subscribers import add_subscriber
from bench.long_life import fill
from bench.pages import API, CONSOLE, known
from bench.relay import Site
from tests.operations.operations_setup import ADMIN, RULES

KEY = "Fq0QbM3LDGXFv8Wc0W7tBrL1rj3gV8P2f6Xn0m2yqkA="
_DEFINITIONS = """
SELECT tablename, indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1, 2
"""


def _paths(routes: Iterator[str] | Sequence[str]) -> set[str]:
    """Return paths with their blanks, without the names of the blanks."""
    return {re.sub(r"\{(\w+):\w+\}", r"{\1}", route) for route in routes}


# The bench asks for a sendid that is unwanted.
_SENDID, _UNWANTED = "/v1/unwanted/{sendid}", "/v1/unwanted/{unwanted}"


def _asked(pages: Sequence[str]) -> set[str]:
    return {page.partition("?")[0].replace(_UNWANTED, _SENDID) for page in pages}


def test_every_page_of_the_console_is_requested() -> None:
    pages = _paths(
        [entry.path for entry in ENTRIES if entry.method == "GET" and entry.role is not None]
    )
    assert set() == pages - _asked(CONSOLE)


def test_everything_that_the_api_shows_is_requested() -> None:
    app = make_api(
        make_sessions(make_engine("postgresql://nowhere.example")),
        Vault([KEY]),
        admin_token="unused",
    )
    shown = _paths(
        [path for path, operations in app.openapi()["paths"].items() if "get" in operations]
    )
    assert set() == {path for path in shown if path.startswith("/v1/")} - _asked(API)


async def test_a_filled_database_has_its_indexes_and_something_for_every_page(
    database_url: str, tmp_path: Path
) -> None:
    engine = make_engine(database_url)
    for name in ("shop", "books", "held"):
        new = NewSubscriber(name=name, url="https://shop.example/hooks")
        await add_subscriber(make_sessions(engine), Vault([KEY]), new, RULES, ADMIN)
    await engine.dispose()
    connection = await connect(database_url)
    before = await connection.fetch(_DEFINITIONS)
    life = await fill(Site(database_url, tmp_path), 2_000, say=lambda _: None)
    assert before == await connection.fetch(_DEFINITIONS)
    assert 2_500 == await connection.fetchval("SELECT count(*) FROM notices")
    assert {"dead", "delivered", "pending"} == {
        row[0] for row in await connection.fetch("SELECT DISTINCT state FROM outbound_webhooks")
    }
    rounds = await known(connection, life, 3)
    assert 3 == len({values["order_no"] for values in rounds})
    assert [] == [page for page in (*CONSOLE, *API) if "{" in page.format_map(rounds[0])]
    await connection.close()
