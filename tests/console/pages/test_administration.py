"""Administration in the console: erasure, tokens, audit, and the operational test."""

import re
from urllib.parse import quote

import pytest

from app.operations.access.permissions import SERVICE, Role, Via
from app.operations.subscribers.pause import pause_subscriber
from tests.console.console_setup import Answer, Console, ConsoleClient
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import OPERATOR, ORDER_NO, PERSONAL


def _shown(answer: Answer) -> list[str]:
    """Return the secrets that a page shows once."""
    return re.findall(r'id="secret"[^>]*>([^<]+)<', answer.text)


async def test_an_orders_personal_data_is_erased_for_good(console: Console) -> None:
    await console.setup.add("shop", customer=True)
    notice, _ = await console.setup.judged("01", "04")
    async with console.client(Role.ADMIN) as client:
        page = await client.get(f"/orders/{ORDER_NO}")
        assert f"/erase-order/{ORDER_NO}" in page.forms
        not_ticked = await client.post(f"/erase-order/{ORDER_NO}")
        assert (422, True) == (not_ticked.status, "Tick the box first" in not_ticked.text)
        assert PERSONAL[0] in (await client.post(f"/orders/{ORDER_NO}")).text
        erased = await client.post(f"/erase-order/{ORDER_NO}", understood="on")
        assert (303, f"/orders/{ORDER_NO}") == (erased.status, erased.headers["location"])
        after = await client.post(f"/orders/{ORDER_NO}")
        assert "The personal data was erased on" in after.text
        assert f"/erase-order/{ORDER_NO}" not in after.forms
        raw = (await client.post(f"/notices/{notice}")).text
        assert [] == [value for value in PERSONAL if value in after.text + raw]
    entries = await console.setup.rows(
        "SELECT operator, via, subject FROM audit_entries WHERE action = 'order.erased'"
    )
    assert [("admin-token", "console", f"order:{ORDER_NO}")] == [tuple(entry) for entry in entries]


async def test_an_incomplete_erasure_is_reported(console: Console) -> None:
    await console.setup.judged("01")
    await console.setup.call("04")
    async with console.client(Role.ADMIN) as client:
        await client.post(f"/erase-order/{ORDER_NO}", understood="on")
        assert (
            "except in calls that are not judged yet"
            in (await client.get(f"/orders/{ORDER_NO}")).text
        )
        await console.setup.judge()
        page = await client.get(f"/orders/{ORDER_NO}")
        assert f"/erase-order/{ORDER_NO}" in page.forms, "there is something to erase again"


async def test_an_order_with_an_odd_number_is_erased_too(console: Console) -> None:
    odd = "a/b?c#d%20 &ア"
    await console.setup.judged("04", order_no=odd)
    async with console.client(Role.ADMIN) as client:
        erased = await client.post(f"/erase-order/{quote(odd, safe='')}", understood="on")
        assert (
            "The personal data was erased on" in (await client.get(erased.headers["location"])).text
        )
        assert 404 == (await client.post("/erase-order/unknown", understood="on")).status


async def _create(
    client: ConsoleClient, name: str = "suzuki", role: str = "operator", days: str = "90"
) -> Answer:
    return await client.post("/tokens", name=name, role=role, days=days)


async def test_a_token_is_shown_once_works_and_ends_when_it_is_revoked(console: Console) -> None:
    async with console.client(Role.ADMIN) as admin, console.client() as suzuki:
        made = await _create(admin)
        [token] = _shown(made)
        listed = (await admin.get("/tokens")).text
        assert (200, True, False) == (made.status, "suzuki" in listed, token in listed)
        assert 303 == (await suzuki.sign_in(token)).status
        assert 200 == (await suzuki.get("/")).status
        assert 303 == (await admin.post("/tokens/suzuki/revoke")).status
        assert "The token was revoked." in (await admin.get("/tokens")).text
        assert 404 == (await admin.post("/tokens/suzuki/revoke")).status
        await until(lambda: _is_signed_out(suzuki))
    async with console.client() as later:
        assert 403 == (await later.sign_in(token)).status
    [row] = await console.setup.rows(
        "SELECT role, expires_at - created_at > interval '89 days' AS lasts "
        "FROM operator_tokens WHERE name = 'suzuki'"
    )
    assert ("operator", True) == (row.role, row.lasts)


async def _is_signed_out(client: ConsoleClient) -> bool:
    return (await client.get("/")).status == 303


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "taken"}, "A token with this name already exists."),
        ({"name": "a b"}, "A name has 1 to 100 letters"),
        ({"name": "admin-token"}, "A name has 1 to 100 letters"),
        ({"name": ""}, "A name has 1 to 100 letters"),
        ({"name": "new", "role": "root"}, "This value is invalid."),
        ({"name": "new", "days": "soon"}, "This value is invalid."),
    ],
)
async def test_an_invalid_token_shows_the_form_again(
    console: Console, fields: dict[str, str], problem: str
) -> None:
    async with console.client(Role.ADMIN) as client:
        await _create(client, "taken")
        answer = await _create(client, **fields)
        assert (422, True, []) == (answer.status, problem in answer.text, _shown(answer))
        assert f'value="{fields["name"]}"' in answer.text
    assert ["a-operator", "a-viewer", "taken"] == [
        row.name for row in await console.setup.rows("SELECT name FROM operator_tokens ORDER BY 1")
    ]


async def test_a_token_with_a_name_of_any_script_can_be_revoked(console: Console) -> None:
    async with console.client(Role.ADMIN) as client:
        await _create(client, "ヘルプデスク", days="")
        page = await client.get("/tokens")
        [revoke] = [form for form in page.forms if quote("ヘルプデスク") in form]
        await client.post(revoke)
        assert "ヘルプデスク" not in (await client.get("/tokens")).text


def _entries(answer: Answer) -> int:
    return answer.text.count("<tr>") - 1 if "<tr>" in answer.text else 0


async def test_audit_filters(console: Console) -> None:
    setup = console.setup
    await setup.add("shop")
    await setup.judged("04")
    await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
    async with console.client(Role.ADMIN) as client:
        await client.post(f"/orders/{ORDER_NO}")
        everything = await client.get("/audit")
        assert 5 == _entries(everything), "two tokens, a subscriber added and paused, a look"
        for words in (
            "sato",
            "Subscriber paused",
            "Personal data viewed",
            "in the console",
            f'href="/orders/{ORDER_NO}"',
            'href="/subscribers/shop"',
        ):
            assert words in everything.text, words
        for query, count in (
            ("operator=sato", 1),
            ("action=subscriber.paused", 1),
            ("subject=subscriber:shop", 2),
            (f"operator=admin-token&subject={quote(f'order:{ORDER_NO}')}", 1),
            ("operator=nobody", 0),
        ):
            assert count == _entries(await client.get(f"/audit?{query}")), query
        assert "No entry matches all of this." in (await client.get("/audit?operator=nobody")).text
        for query in ("cursor=x", "action=x"):
            assert "These search values are invalid." in (await client.get(f"/audit?{query}")).text
        assert PERSONAL[0] not in everything.text


async def test_audit_pages_keep_the_filter(console: Console) -> None:
    await console.setup.run(
        "INSERT INTO audit_entries (id, operator, role, via, action, subject) "
        "SELECT gen_random_uuid(), 'sato', 'operator', :via, 'webhook.retried', 'webhook:' || n "
        "FROM generate_series(1, 60) AS n",
        via=Via.API.value,
    )
    async with console.client(Role.ADMIN) as client:
        first = await client.get("/audit?operator=sato")
        [following] = re.findall(r'href="(/audit\?[^"]*cursor=[^"]+)"', first.text)
        second = await client.get(following.replace("&amp;", "&"))
        assert (50, 10) == (_entries(first), _entries(second))
        assert "Token created" not in second.text.partition("<tbody>")[2]


async def test_progress_of_the_operational_test(console: Console) -> None:
    async with console.client(Role.VIEWER) as client:
        before = (await client.get("/onboarding")).text
        assert ("No calls yet" in before, "<code>zeus-relay doctor</code>" in before) == (
            True,
            True,
        )
        query = b"order_no=1&status=01&money=5400"
        await console.setup.raw_call(query)
        await console.setup.judge()
        begun = (await client.get("/onboarding")).text
        assert "Statuses still to test: 04, 05, 06" in begun
        assert "11 parameters are not sent" in begun
        assert "Ask Zeus&#39;s sales desk to send it. Only ローソン" in begun
        await console.setup.judged("01", "04", "05")
        await console.setup.judged("01", "04", "06", order_no="1234-56789-01235")
        done = (await client.get("/onboarding")).text
        assert "Everything that a test can produce has arrived" in done
        assert [] == [value for value in PERSONAL if value in done]
        assert "not expected" in done


async def test_actions_of_the_service_are_in_the_audit(console: Console) -> None:
    async with console.client(Role.ADMIN) as client:
        page = await client.get(f"/audit?operator={SERVICE.name}")
        assert (2, True, True) == (
            _entries(page),
            "automatically" in page.text,
            "role: viewer" in page.text,
        )
