"""The table of the HTTP API's operations, made from its OpenAPI document."""

from collections.abc import Iterator
from typing import Any

from app.api.application import make_api
from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.operations.access.generated_keys import new_key
from tools.docs.japanese_operations import OPERATIONS
from tools.docs.tables import head, row


def operations() -> Iterator[tuple[str, str, str]]:
    """Every operation: its method, its path, and the first line of its description."""
    for path, methods in _openapi()["paths"].items():
        for method, operation in methods.items():
            yield method.upper(), path, operation["description"].partition("\n")[0]


def api() -> str:
    """Every operation of the HTTP API, as its OpenAPI document has it."""
    rows = [row(f"`{method}`", f"`{path}`", text) for method, path, text in operations()]
    return head("method", "path", "what it does") + "".join(rows)


def api_in_japanese() -> str:
    """The same in Japanese; where a text is missing, in English."""
    rows = [
        row(f"`{method}`", f"`{path}`", OPERATIONS.get(f"{method} {path}", text))
        for method, path, text in operations()
    ]
    return head("メソッド", "パス", "内容") + "".join(rows)


def _openapi() -> dict[str, Any]:
    engine = make_engine("postgresql:///")  # connects to nothing until it is used
    return make_api(make_sessions(engine), Vault([new_key()]), admin_token=new_key()).openapi()
