"""OpenAPI document: every operation named and described, with its problems and media types."""

from collections.abc import Iterator
from typing import Any

from app.api.application import make_api
from app.crypto.vault import Vault
from app.db.engine import make_engine, make_sessions
from app.operations.access.generated_keys import new_key
from tests.api.api_client import Api

EXPORTS = {
    "get /v1/applications/{application_id}/page": "text/html",
    "get /v1/orders.csv": "text/csv",
    "get /v1/events.jsonl": "application/jsonl",
    "get /v1/reviews.csv": "text/csv",
    "get /v1/totals.csv": "text/csv",
}
"""Operations that answer with a file, and its media type."""


def _document() -> dict[str, Any]:
    sessions = make_sessions(
        make_engine("postgresql://relay@127.0.0.1:1/relay")
    )  # opens no connection
    return make_api(sessions, Vault([new_key()]), admin_token="t" * 20).openapi()


def _operations(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, operations in document["paths"].items():
        for method, operation in operations.items():
            yield f"{method} {path}", operation


def test_the_routes_are_those_that_scripts_rely_on() -> None:
    assert {
        "get /v1/subscribers",
        "post /v1/subscribers",
        "get /v1/subscribers/{name}",
        "patch /v1/subscribers/{name}",
        "delete /v1/subscribers/{name}",
        "post /v1/subscribers/{name}/pause",
        "post /v1/subscribers/{name}/resume",
        "post /v1/subscribers/{name}/rotate-secret",
        "post /v1/subscribers/{name}/test",
        "get /v1/orders/{order_no}",
        "get /v1/notices",
        "get /v1/notices/{notice_id}",
        "post /v1/notices/{notice_id}/release",
        "get /v1/events",
        "get /v1/events/{event_id}",
        "get /v1/outbound-webhooks",
        "get /v1/outbound-webhooks/{webhook_id}",
        "post /v1/outbound-webhooks/{webhook_id}/retry",
        "post /v1/outbound-webhooks/recover",
        "get /v1/recoveries",
        "post /v1/recoveries/{recovery_id}/cancel",
    } <= {name for name, _ in _operations(_document())}


def test_every_operation_is_named_once_and_described() -> None:
    operations = dict(_operations(_document()))
    ids = [operation["operationId"] for operation in operations.values()]
    assert len(ids) == len(set(ids))
    assert [] == [
        name
        for name, operation in operations.items()
        if not operation.get("description") or not operation.get("tags")
    ]


def test_every_operation_documents_its_answers_and_its_token() -> None:
    document = _document()
    for name, operation in _operations(document):
        statuses = set(operation["responses"])
        assert {"401", "422", "500", "503"} <= statuses, name
        names_something = "{" in name and not name.startswith("put ")  # a PUT may be the first
        assert names_something <= ("404" in statuses), name
        assert operation["security"], name
        for status, response in operation["responses"].items():
            if int(status) >= 400:
                content = response["content"]
                assert ["application/problem+json"] == list(content), name
                assert content["application/problem+json"]["schema"] == {
                    "$ref": "#/components/schemas/Problem"
                }
            elif name in EXPORTS:
                assert {EXPORTS[name]: {"schema": {"type": "string"}}} == response["content"]
            elif status != "204":
                assert "$ref" in response["content"]["application/json"]["schema"], name


def test_every_model_is_described() -> None:
    schemas = _document()["components"]["schemas"]
    assert [] == [name for name, schema in schemas.items() if not schema.get("description")]


def test_bodies_have_examples() -> None:
    schemas = _document()["components"]["schemas"]
    for name in (
        "NewSubscriber",
        "RecoveryRequest",
        "Notice",
        "Event",
        "OutboundWebhook",
        "Problem",
    ):
        assert any("examples" in field for field in schemas[name]["properties"].values()), name


async def test_the_document_is_served_and_never_changes(api: Api) -> None:
    first = await api.get("/openapi.json")
    assert (200, api.document) == (first.status, first.json)
    assert first.json == (await api.get("/openapi.json")).json
