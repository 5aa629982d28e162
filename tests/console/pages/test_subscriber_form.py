"""Form for a new subscriber: limits, and messages at invalid fields."""

import re
from html import escape

import pytest

from app.operations.access.permissions import Role
from tests.console.console_setup import Answer, Console

SHOP = {"name": "shop", "url": "https://shop.example/hooks"}
RATE, IN_FLIGHT, SECONDS = (
    "Enter a whole number from 1 to 10,000",
    "Enter a whole number from 1 to 200",
    "Enter a number of seconds from 1 to 60",
)


def messages_at(answer: Answer) -> dict[str, str]:
    """Return the message of each invalid field, by the id of its input."""
    problems = dict(re.findall(r'<p class="error" id="([^"]+)">([^<]+)</p>', answer.text))
    inputs = re.findall(
        r'<input id="([^"]+)"[^>]* aria-invalid="true" aria-describedby="([^"]+)"', answer.text
    )
    assert problems.keys() == {described_by for _, described_by in inputs}
    return {field: problems[described_by] for field, described_by in inputs}


def limits_are_open(answer: Answer) -> bool:
    """Return True if the limits are unfolded."""
    found = re.search(r"<details( open)?>\s*<summary>More</summary>", answer.text)
    assert found
    return found[1] is not None


@pytest.mark.parametrize(
    ("fields", "kept"),
    [
        ({}, (None, 16, None)),
        ({"rate_limit": "", "max_in_flight": " ", "timeout": ""}, (None, 16, None)),
        ({"rate_limit": "1", "max_in_flight": "1", "timeout": "1"}, (1, 1, 1_000)),
        ({"rate_limit": "10,000", "max_in_flight": "200", "timeout": "60"}, (10_000, 200, 60_000)),
        ({"rate_limit": "２０", "max_in_flight": "８", "timeout": "2.5"}, (20, 8, 2_500)),
    ],
)
async def test_limits_of_a_new_subscriber_are_stored(
    console: Console, fields: dict[str, str], kept: tuple[object, ...]
) -> None:
    async with console.client(Role.ADMIN) as client:
        assert not limits_are_open(await client.get("/add-subscriber"))
        assert 200 == (await client.post_form("/add-subscriber", {**SHOP, **fields})).status
        page = (await client.get("/subscribers/shop")).text
    [row] = await console.setup.rows(
        "SELECT rate_limit, max_in_flight, timeout_ms FROM subscribers"
    )
    assert kept == tuple(row)
    rate, in_flight, milliseconds = kept
    assert f"{in_flight} in flight" in page
    assert (rate is not None, milliseconds is not None) == (
        "per second" in page,
        "s per attempt" in page,
    )


@pytest.mark.parametrize(
    ("fields", "problems"),
    [
        ({"rate_limit": "0"}, {"rate_limit": RATE}),
        ({"rate_limit": "10001"}, {"rate_limit": RATE}),
        ({"rate_limit": "2.5"}, {"rate_limit": RATE}),
        ({"max_in_flight": "201"}, {"max_in_flight": IN_FLIGHT}),
        ({"max_in_flight": "-1"}, {"max_in_flight": IN_FLIGHT}),
        ({"timeout": "0.9"}, {"timeout": SECONDS}),
        ({"timeout": "60.1"}, {"timeout": SECONDS}),
        ({"timeout": "inf"}, {"timeout": SECONDS}),
        ({"timeout": "nan"}, {"timeout": SECONDS}),
        (
            {"rate_limit": "many", "max_in_flight": '"><b>', "timeout": "15s"},
            {"rate_limit": RATE, "max_in_flight": IN_FLIGHT, "timeout": SECONDS},
        ),
    ],
)
async def test_an_invalid_limit_is_marked(
    console: Console, fields: dict[str, str], problems: dict[str, str]
) -> None:
    async with console.client(Role.ADMIN) as client:
        answer = await client.post_form("/add-subscriber", {**SHOP, **fields})
    messages = messages_at(answer)
    assert (422, problems.keys(), True) == (answer.status, messages.keys(), limits_are_open(answer))
    assert all(messages[field].startswith(words) for field, words in problems.items())
    assert all(
        f'value="{escape(text)}"' in answer.text.replace("&#34;", "&quot;")
        for text in (*SHOP.values(), *fields.values())
    )
    assert [] == await console.setup.rows("SELECT name FROM subscribers")


async def test_invalid_name_and_url_are_marked(console: Console) -> None:
    await console.setup.add("shop")
    async with console.client(Role.ADMIN) as client:
        taken = await client.post_form("/add-subscriber", SHOP)
        assert {"name": "A subscriber with this name already exists."} == messages_at(taken)
        assert not limits_are_open(taken)
        plain = await client.post("/add-subscriber", name="new", url="ftp://shop.example/")
        assert ["url"] == list(messages_at(plain))
        unknown = await client.post(
            "/add-subscriber", name="new", url=SHOP["url"], event_types="nothing.happened"
        )
        assert (422, {}, True) == (
            unknown.status,
            messages_at(unknown),
            "This value is invalid." in unknown.text,
        )


async def test_a_url_is_stored_and_shown_unchanged(console: Console) -> None:
    signed = "https://Shop.example:443/t/%2Fa/../b//c?sp=%2Ftriggers&sig=a%2Bb%2fc%3D&x=1|2&店?"
    async with console.client(Role.ADMIN) as client:
        assert 200 == (await client.post("/add-subscriber", name="shop", url=f" {signed} ")).status
        pages = [(await client.get(path)).text for path in ("/subscribers/shop", "/subscribers")]
    [row] = await console.setup.rows("SELECT url FROM subscribers")
    assert signed == row.url
    assert [True, True] == [f">{escape(signed)}<" in page for page in pages]
