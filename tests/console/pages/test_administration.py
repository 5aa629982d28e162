"""What administrators do in the console: erasing personal data, tokens, the audit; and following the operational test."""

import re
from urllib.parse import quote

import pytest

from app.operations.access.permissions import SERVICE, Role, Via
from app.operations.subscribers.pause import pause_subscriber
from tests.console.console_setup import Answer, Console, Visitor
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import OPERATOR, ORDER_NO, PERSONAL


def _shown(answer: Answer) -> list[str]:
    """The secrets that a page shows once."""
    return re.findall(r'id="secret"[^>]*>([^<]+)<', answer.text)


async def test_an_orders_personal_data_is_erased_for_good(console: Console) -> None:
    await console.world.add("shop", customer=True)
    notice, _ = await console.world.judged("01", "04")
    async with console.visitor(Role.ADMIN) as visitor:
        page = await visitor.get(f"/orders/{ORDER_NO}")
        assert f"/erase-order/{ORDER_NO}" in page.forms
        not_ticked = await visitor.post(f"/erase-order/{ORDER_NO}")
        assert (422, True) == (not_ticked.status, "Tick the box first" in not_ticked.text)
        assert PERSONAL[0] in (await visitor.post(f"/orders/{ORDER_NO}")).text
        erased = await visitor.post(f"/erase-order/{ORDER_NO}", understood="on")
        assert (303, f"/orders/{ORDER_NO}") == (erased.status, erased.headers["location"])
        after = await visitor.post(f"/orders/{ORDER_NO}")
        assert "The personal data was erased on" in after.text
        assert f"/erase-order/{ORDER_NO}" not in after.forms
        raw = (await visitor.post(f"/notices/{notice}")).text
        assert [] == [value for value in PERSONAL if value in after.text + raw]
    entries = await console.world.rows(
        "SELECT operator, via, subject FROM audit_entries WHERE action = 'order.erased'"
    )
    assert [("admin-token", "console", f"order:{ORDER_NO}")] == [tuple(entry) for entry in entries]


async def test_an_erasure_that_leaves_something_says_so(console: Console) -> None:
    await console.world.judged("01")
    await console.world.call("04")
    async with console.visitor(Role.ADMIN) as visitor:
        await visitor.post(f"/erase-order/{ORDER_NO}", understood="on")
        assert (
            "calls that are not judged yet still hold some"
            in (await visitor.get(f"/orders/{ORDER_NO}")).text
        )
        await console.world.judge()
        page = await visitor.get(f"/orders/{ORDER_NO}")
        assert f"/erase-order/{ORDER_NO}" in page.forms, "there is something to erase again"


async def test_an_order_with_an_odd_number_is_erased_too(console: Console) -> None:
    odd = "a/b?c#d%20 &ア"
    await console.world.judged("04", order_no=odd)
    async with console.visitor(Role.ADMIN) as visitor:
        erased = await visitor.post(f"/erase-order/{quote(odd, safe='')}", understood="on")
        assert (
            "The personal data was erased on"
            in (await visitor.get(erased.headers["location"])).text
        )
        assert 404 == (await visitor.post("/erase-order/unknown", understood="on")).status


async def _create(
    visitor: Visitor, name: str = "suzuki", role: str = "operator", days: str = "90"
) -> Answer:
    return await visitor.post("/tokens", name=name, role=role, days=days)


async def test_a_token_is_shown_once_works_and_ends_when_it_is_revoked(console: Console) -> None:
    async with console.visitor(Role.ADMIN) as admin, console.visitor() as suzuki:
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
    async with console.visitor() as later:
        assert 403 == (await later.sign_in(token)).status
    [row] = await console.world.rows(
        "SELECT role, expires_at - created_at > interval '89 days' AS lasts FROM operator_tokens WHERE name = 'suzuki'"
    )
    assert ("operator", True) == (row.role, row.lasts)


async def _is_signed_out(visitor: Visitor) -> bool:
    return (await visitor.get("/")).status == 303


@pytest.mark.parametrize(
    ("fields", "problem"),
    [
        ({"name": "taken"}, "A token with this name exists."),
        ({"name": "a b"}, "A name is 1 to 100 letters"),
        ({"name": "admin-token"}, "A name is 1 to 100 letters"),
        ({"name": ""}, "A name is 1 to 100 letters"),
        ({"name": "new", "role": "root"}, "This cannot be used."),
        ({"name": "new", "days": "soon"}, "This cannot be used."),
    ],
)
async def test_a_token_that_cannot_be_made_is_asked_for_again(
    console: Console, fields: dict[str, str], problem: str
) -> None:
    async with console.visitor(Role.ADMIN) as visitor:
        await _create(visitor, "taken")
        answer = await _create(visitor, **fields)
        assert (422, True, []) == (answer.status, problem in answer.text, _shown(answer))
        assert f'value="{fields["name"]}"' in answer.text
    assert ["a-operator", "a-viewer", "taken"] == [
        row.name for row in await console.world.rows("SELECT name FROM operator_tokens ORDER BY 1")
    ]


async def test_a_token_with_a_name_of_any_script_can_be_revoked(console: Console) -> None:
    async with console.visitor(Role.ADMIN) as visitor:
        await _create(visitor, "ヘルプデスク", days="")
        page = await visitor.get("/tokens")
        [revoke] = [form for form in page.forms if quote("ヘルプデスク") in form]
        await visitor.post(revoke)
        assert "ヘルプデスク" not in (await visitor.get("/tokens")).text


def _entries(answer: Answer) -> int:
    return answer.text.count("<tr>") - 1 if "<tr>" in answer.text else 0


async def test_the_audit_is_filtered_by_who_what_and_to_what(console: Console) -> None:
    world = console.world
    await world.add("shop")
    await world.judged("04")
    await pause_subscriber(world.sessions, "shop", "maintenance", OPERATOR)
    async with console.visitor(Role.ADMIN) as visitor:
        await visitor.post(f"/orders/{ORDER_NO}")
        everything = await visitor.get("/audit")
        assert 5 == _entries(everything), "two tokens, a subscriber added and paused, a look"
        for words in (
            "sato",
            "Subscriber paused",
            "Personal data seen",
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
            assert count == _entries(await visitor.get(f"/audit?{query}")), query
        assert "No entry has all of this." in (await visitor.get("/audit?operator=nobody")).text
        for query in ("cursor=x", "action=x"):
            assert "This cannot be searched for." in (await visitor.get(f"/audit?{query}")).text
        assert PERSONAL[0] not in everything.text


async def test_the_audit_is_read_on_page_by_page_with_its_filter(console: Console) -> None:
    await console.world.run(
        "INSERT INTO audit_entries (id, operator, role, via, action, subject) "
        "SELECT gen_random_uuid(), 'sato', 'operator', :via, 'webhook.retried', 'webhook:' || n FROM generate_series(1, 60) AS n",
        via=Via.API.value,
    )
    async with console.visitor(Role.ADMIN) as visitor:
        first = await visitor.get("/audit?operator=sato")
        [following] = re.findall(r'href="(/audit\?[^"]*cursor=[^"]+)"', first.text)
        second = await visitor.get(following.replace("&amp;", "&"))
        assert (50, 10) == (_entries(first), _entries(second))
        assert "Token created" not in second.text.partition("<tbody>")[2]


async def test_the_operational_test_is_followed(console: Console) -> None:
    async with console.visitor(Role.VIEWER) as visitor:
        before = (await visitor.get("/onboarding")).text
        assert ("No call has come yet" in before, "<code>zeus-relay doctor</code>" in before) == (
            True,
            True,
        )
        query = b"order_no=1&status=01&money=5400"
        await console.world.raw_call(query)
        await console.world.judge()
        begun = (await visitor.get("/onboarding")).text
        assert "Statuses still to test: 04, 05, 06" in begun
        assert "11 parameters are not sent" in begun
        assert "Ask Zeus&#39;s sales desk to send it. Only ローソン" in begun
        await console.world.judged("01", "04", "05")
        await console.world.judged("01", "04", "06", order_no="1234-56789-01235")
        done = (await visitor.get("/onboarding")).text
        assert "Everything has come that a test can bring about" in done
        assert [] == [value for value in PERSONAL if value in done]
        assert "not expected" in done


async def test_what_the_service_did_itself_is_in_the_audit(console: Console) -> None:
    async with console.visitor(Role.ADMIN) as visitor:
        page = await visitor.get(f"/audit?operator={SERVICE.name}")
        assert (2, True, True) == (
            _entries(page),
            "by itself" in page.text,
            "role: viewer" in page.text,
        )
