"""Cursors are opaque, lead exactly to the next item, and nobody else's are taken."""

from uuid import UUID, uuid4

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.operations.errors import BadCursor
from app.operations.notices.notices import list_notices
from app.operations.orders.events import list_events
from app.operations.pagination import Place, cursor_of, key_of
from tests.operations.operations_setup import OperationsSetup


@given(st.one_of(st.uuids(), st.integers(0, 2**63 - 1)))
def test_a_cursor_names_its_key(key: UUID | int) -> None:
    assert key == key_of(cursor_of(key), type(key))


@pytest.mark.parametrize(
    "text", ["", "=", "====", "a", "あ", "!!!!", "AAAA", cursor_of(7), "\0", "A" * 1000]
)
def test_what_is_no_cursor_of_this_list_is_refused(text: str) -> None:
    with pytest.raises(BadCursor):
        key_of(text, UUID)


def test_a_cursor_of_another_kind_of_list_is_refused() -> None:
    with pytest.raises(BadCursor):
        key_of(cursor_of(uuid4()), int)


async def test_pages_hold_every_item_once(world: OperationsSetup) -> None:
    ids = await world.call(*["01"] * 7)
    seen: list[UUID] = []
    place = Place(limit=3)
    while True:
        page = await list_notices(world.sessions, place)
        seen += [notice.id for notice in page.items]
        place = Place(page.next_cursor, limit=3)
        if not page.has_more:
            break
    assert ids[::-1] == seen


async def test_a_full_last_page_says_that_it_is_the_last(world: OperationsSetup) -> None:
    await world.call("01", "01", "01")
    assert not (await list_notices(world.sessions, Place(limit=3))).has_more


async def test_the_end_of_the_events_is_the_place_to_read_on_from_later(
    world: OperationsSetup,
) -> None:
    assert (None, []) == _cursor_and_types(await list_events(world.sessions, Place()))
    await world.judged("01")
    first = await list_events(world.sessions, Place())
    assert ["order.accepted"] == [event.type for event in first.items]
    nothing_new = await list_events(world.sessions, Place(first.next_cursor))
    assert (first.next_cursor, []) == _cursor_and_types(nothing_new)
    await world.judged("04")
    later = await list_events(world.sessions, Place(nothing_new.next_cursor))
    assert ["payment.received"] == [event.type for event in later.items]


def _cursor_and_types(page: object) -> tuple[str | None, list[str]]:
    return page.next_cursor, [event.type for event in page.items]  # type: ignore[attr-defined]
