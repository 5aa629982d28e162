"""Cursors of lists: opaque, exact, and valid only for their own list."""

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
def test_an_invalid_cursor_is_rejected(text: str) -> None:
    with pytest.raises(BadCursor):
        key_of(text, UUID)


def test_a_cursor_of_another_list_is_rejected() -> None:
    with pytest.raises(BadCursor):
        key_of(cursor_of(uuid4()), int)


async def test_pages_hold_every_item_once(setup: OperationsSetup) -> None:
    ids = await setup.call(*["01"] * 7)
    seen: list[UUID] = []
    place = Place(limit=3)
    while True:
        page = await list_notices(setup.sessions, place)
        seen += [notice.id for notice in page.items]
        place = Place(page.next_cursor, limit=3)
        if not page.has_more:
            break
    assert ids[::-1] == seen


async def test_a_full_last_page_says_that_it_is_the_last(setup: OperationsSetup) -> None:
    await setup.call("01", "01", "01")
    assert not (await list_notices(setup.sessions, Place(limit=3))).has_more


async def test_the_last_cursor_of_events_reads_later_events(
    setup: OperationsSetup,
) -> None:
    assert (None, []) == _cursor_and_types(await list_events(setup.sessions, Place()))
    await setup.judged("01")
    first = await list_events(setup.sessions, Place())
    assert ["order.accepted"] == [event.type for event in first.items]
    nothing_new = await list_events(setup.sessions, Place(first.next_cursor))
    assert (first.next_cursor, []) == _cursor_and_types(nothing_new)
    await setup.judged("04")
    later = await list_events(setup.sessions, Place(nothing_new.next_cursor))
    assert ["payment.received"] == [event.type for event in later.items]


def _cursor_and_types(page: object) -> tuple[str | None, list[str]]:
    return page.next_cursor, [event.type for event in page.items]  # type: ignore[attr-defined]
