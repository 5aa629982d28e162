"""Subscriber pages: every kind of subscriber, and invalid ones."""

import re
from html import escape

from app.operations.access.permissions import Role
from tests.console.console_setup import Console


async def test_every_kind_of_subscriber_is_added_shown_and_rotated(
    console: Console,
) -> None:
    async with console.client(Role.ADMIN) as client:
        for method, begins in (("secret", "whsec_"), ("key_pair", "whpk_"), ("feed", "zft_")):
            added = await client.post(
                "/add-subscriber",
                name=method,
                url="https://shop.example/hooks",
                delivery_method=method,
            )
            shown = await client.get(f"/subscribers/{method}")
            rotated = await client.post(f"/subscribers/{method}/rotate", overlap_hours="1")
            first, second = (
                re.findall(rf'id="secret"[^>]*>({begins}[^<]+)<', answer.text)
                for answer in (added, rotated)
            )
            assert (200, 200, 200) == (added.status, shown.status, rotated.status)
            assert len({*first, *second}) == 2
            assert (f"/subscribers/{method}/test" in shown.forms) == (method != "feed")
            assert begins == "whpk_" or first[0] not in shown.text


async def test_an_invalid_subscriber_shows_the_form_again(console: Console) -> None:
    await console.setup.add("shop")
    async with console.client(Role.ADMIN) as client:
        for name, url, problem in (
            ("shop", "https://shop.example/", "A subscriber with this name already exists."),
            ("a b", "https://shop.example/", "A name has 1 to 100 letters"),
            ("new", "ftp://shop.example/", "Webhooks cannot be sent to this URL."),
            ("new", "", "Webhooks cannot be sent to this URL."),
            ("x" * 101, "https://shop.example/", "A name has 1 to 100 letters"),
        ):
            answer = await client.post("/add-subscriber", name=name, url=url)
            assert (422, True) == (answer.status, problem in answer.text), name
            assert f'value="{escape(name)}"' in answer.text
