"""Bad bytes in links and forms of the console: the answer is an error page, never a 500."""

import pytest

from app.operations.access.permissions import Role
from tests.console.console_setup import Console

BAD = ("%00", "%FF", "%ED%A0%80", "%zz", "%83R%83%93", "a" * 5_000, "1e999", "-1")
LISTS = {
    "/": ("x",),
    "/orders": ("order_no", "sendid", "telno_tail", "money", "date", "cursor"),
    "/audit": ("operator", "action", "subject", "cursor"),
    "/attention": ("state", "reason", "order_no", "cursor"),
    "/subscribers/shop": ("cursor",),
    "/onboarding": ("x",),
    "/tokens": ("x",),
}
FORMS = {
    "/add-subscriber": (
        "delivery_method",
        "name",
        "url",
        "event_types",
        "rate_limit",
        "max_in_flight",
        "timeout",
    ),
    "/subscribers/shop/pause": ("reason",),
    "/subscribers/shop/rotate": ("overlap_hours",),
    "/subscribers/shop/recover": ("since", "until", "dry_run"),
    "/tokens": ("name", "role", "days"),
    "/language": ("language", "back"),
    "/subscribers/%00/resume": ("x",),
    "/tokens/%00/revoke": ("x",),
    "/erase-order/%00": ("understood",),
    "/outbound-webhooks/99999999999999999999/retry": ("back",),
    "/outbound-webhooks/99999999999999999999/dismiss": ("reason",),
    f"/outbound-webhooks/{'9' * 5_000}/retry": ("back",),
    "/outbound-webhooks/%D9%A3/retry": ("back",),
}


@pytest.mark.parametrize("bad", BAD)
async def test_bad_queries_fail_no_page(console: Console, bad: str) -> None:
    await console.setup.add("shop")
    async with console.client(Role.ADMIN) as client:
        answers = {
            f"{path}?{name}": await client.get_as_it_is(f"{path}?{name}={bad}")
            for path, names in LISTS.items()
            for name in names
        }
        answers["/orders/"] = await client.get_as_it_is(f"/orders/{bad}")
        answers["/subscribers/"] = await client.get_as_it_is(f"/subscribers/{bad}")
        answers["/notices/"] = await client.get_as_it_is(f"/notices/{bad}")
    assert {} == {
        what: answer.status
        for what, answer in answers.items()
        if answer.status not in (200, 303, 400, 404, 422)
    }


@pytest.mark.parametrize("bad", ["\0", "\udcff", "ア" * 3_000, "1e999", "-1", "٣"])
async def test_bad_fields_fail_no_form(console: Console, bad: str) -> None:
    await console.setup.add("shop")
    async with console.client(Role.ADMIN) as client:
        csrf = (await client.get("/settings")).csrf
        text = bad.encode("utf-8", "surrogateescape")
        answers = {
            f"{path} {name}": await client.post_bytes(path, csrf, name, text)
            for path, names in FORMS.items()
            for name in names
        }
    assert {} == {
        what: answer.status
        for what, answer in answers.items()
        if answer.status not in (200, 303, 400, 404, 422)
    }
