"""TXT records from a real name server, and its failures."""

import asyncio
import time
from collections.abc import AsyncIterator

import pytest

from app.network.text_records import DnsFailed, TextRecordResolver
from tests.mailbox.name_server import NameServer, name_server


@pytest.fixture
async def server() -> AsyncIterator[NameServer]:
    async with name_server() as running:
        yield running


async def test_records_are_whole_and_asked_for_once(server: NameServer) -> None:
    long = b"v=DKIM1; p=" + b"A" * 5_000  # over TCP, in strings of 255 bytes
    server.records = {"a.example": [b"one", b"two"], "long.example": [long], "none.example": []}
    resolver = TextRecordResolver(server.resolver())

    assert sorted(await resolver.texts("a.example")) == [b"one", b"two"]
    assert list(await resolver.texts("long.example")) == [long]
    asked = len(server.asked)
    await resolver.texts("a.example")
    await resolver.texts("long.example")
    assert len(server.asked) == asked
    assert list(await resolver.texts("none.example")) == []
    assert list(await resolver.texts("missing.example")) == []
    server.records["missing.example"] = [b"new"]
    assert list(await resolver.texts("missing.example")) == [b"new"], "absence is not kept"


@pytest.mark.parametrize("fault", ["SERVFAIL", "REFUSED", "silent", "garbage"])
async def test_without_an_answer_the_question_failed(server: NameServer, fault: str) -> None:
    server.records = {"a.example": [b"one"]}
    server.fault = fault
    resolver = TextRecordResolver(server.resolver(), 1.0, failed_s=2)
    began = time.monotonic()
    with pytest.raises(DnsFailed):
        await resolver.texts("a.example")
    assert time.monotonic() - began < 10
    server.fault, asked = "", len(server.asked)
    with pytest.raises(DnsFailed):
        await resolver.texts("a.example")
    assert len(server.asked) == asked, "many mails do not wait for a silent server each"
    await asyncio.sleep(2.1)

    assert list(await resolver.texts("a.example")) == [b"one"]


@pytest.mark.parametrize("name", ["a..example", "x" * 64 + ".example", "a." * 130, "\xff.example"])
async def test_names_that_are_none_have_no_records(server: NameServer, name: str) -> None:
    assert list(await TextRecordResolver(server.resolver()).texts(name)) == []
