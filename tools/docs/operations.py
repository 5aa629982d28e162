"""Table of the HTTP API's operations, generated from its OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from app.api.application import make_api
from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.operations.access.generated_keys import new_key
from tools.docs.japanese_operations import OPERATIONS
from tools.docs.tables import head, row


def operations() -> Iterator[tuple[str, str, str]]:
    """Yield the method, path and first line of the description of each operation."""
    for path, methods in _openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation["description"].partition("\n")[0]


def api() -> str:
    """Return the table of operations."""
    rows = [row(f"`{method}`", f"`{path}`", text) for method, path, text in operations()]
    return head("method", "path", "purpose") + "".join(rows)


def api_in_japanese() -> str:
    """Return the table in Japanese; a text without a translation stays in English."""
    rows = [
        row(f"`{method}`", f"`{path}`", OPERATIONS.get(f"{method} {path}", text))
        for method, path, text in operations()
    ]
    return head("メソッド", "パス", "内容") + "".join(rows)


def _openapi() -> dict[str, Any]:
    engine = make_engine("postgresql:///")  # connects only when used
    return make_api(make_sessions(engine), Vault([new_key()]), admin_token=new_key()).openapi()
