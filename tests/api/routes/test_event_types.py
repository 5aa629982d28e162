"""Route of the types of events."""

from app.events.types import EventType
from app.operations.event_types.schemas import schema_of
from tests.api.api_client import Api


async def test_every_type_is_listed_with_its_schema(api: Api) -> None:
    found = (await api.get("/event-types")).json["items"]
    assert list(EventType) == [one["type"] for one in found]
    assert [schema_of(one) for one in EventType] == [one["schema"] for one in found]
    assert ["webhook.test"] == [one["type"] for one in found if not one["subscribable"]]
