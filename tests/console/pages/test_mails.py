"""Pages of mails: the list, one mail, healing, dismissal, a file, and the links to them."""

from dataclasses import replace
from uuid import UUID

import aiohttp
import pytest

from app.console.texts.labels import KINDS
from app.mailbox.authentication import BeliefReason
from app.mailbox.states import MailState
from app.operations.access.permissions import Role
from app.operations.mails.models import MailKindName
from app.zeus.mails import MailKind
from tests.api.api_walk import application
from tests.console.console_setup import Answer, Console, ConsoleClient
from tests.mailbox.mail_setup import CLIENTIP, MailSetup, facts, message
from tests.operations.operations_setup import EMAIL, ORDER_NO, TELNO

ENGLISH = {"accept-language": "en"}
JAPANESE = {"accept-language": "ja"}


@pytest.fixture
def mails(console: Console) -> MailSetup:
    """Return a setup with mails on the console's database."""
    setup = console.setup
    return MailSetup(setup.sessions, setup.url, setup.vault)


async def _missing(mails: MailSetup) -> str:
    """Return the page of a mail whose call has not come, and that has a review."""
    await mails.judged("01")
    kept = await mails.mail()
    await mails.match("observe")
    return f"/mails/{kept.id}"


async def _upload(client: ConsoleClient, raw: bytes) -> Answer:
    form = aiohttp.FormData()
    form.add_field("csrf", (await client.get("/mails")).csrf)
    form.add_field("file", raw, filename="mails.eml", content_type="message/rfc822")
    async with client.session.post(
        f"{client.base}/mails", data=form, headers=ENGLISH, allow_redirects=False
    ) as response:
        return Answer(response.status, response.headers, await response.text())


async def test_a_lost_call_is_made_up_for_with_one_press(
    console: Console, mails: MailSetup
) -> None:
    path = await _missing(mails)
    async with console.client(Role.OPERATOR) as client:
        page = await client.get(path, **ENGLISH)
        assert "The call that this mail tells of has not come." in page.text
        assert {f"{path}/heal", f"{path}/dismiss"} <= page.forms
        done = await client.post(f"{path}/heal")
        assert (303, path) == (done.status, done.headers["location"])
        page = await client.get(path, **ENGLISH)
        assert "The lost call was made up for and judged." in page.text
        [mail] = await mails.rows("SELECT state, healing_notice_id FROM mails")
        assert "healed" == mail.state
        assert f'href="/notices/{mail.healing_notice_id}"' in page.text
        assert f"{path}/heal" not in page.forms
        again = await client.post(f"{path}/heal", headers=JAPANESE)
        assert (409, True) == (again.status, "このコールは補えません" in again.text)
    assert [("payment.received", "mail")] == (await mails.events())[-1:]
    [review] = await mails.rows("SELECT settled_by FROM reviews")
    assert "a-operator" == review.settled_by


async def test_a_mail_that_nothing_follows_from_is_dismissed(
    console: Console, mails: MailSetup
) -> None:
    path = await _missing(mails)
    async with console.client(Role.OPERATOR) as client:
        assert 303 == (await client.post(f"{path}/dismiss")).status
        assert ["dismissed"] == await mails.states()
        assert not [form for form in (await client.get(path)).forms if form.startswith(path + "/")]
        again = await client.post(f"{path}/dismiss", headers=ENGLISH)
        assert (409, True) == (again.status, "no longer needs attention" in again.text)


async def test_personal_values_are_masked_and_shown_with_an_audit(
    console: Console, mails: MailSetup
) -> None:
    path = await _missing(mails)
    personal = (TELNO, EMAIL, "notice@zeus.example", TELNO[-4:])
    async with console.client(Role.OPERATOR) as client:
        for page in (path, "/mails", f"/orders/{ORDER_NO}"):
            text = (await client.get(page)).text.partition("<main")[2]
            assert [] == [value for value in personal[:3] if value in text], page
        assert "***" in (await client.get(path)).text
        shown = await client.post(path)
        assert [] == [value for value in personal if value not in shown.text]
    [entry] = await mails.rows("SELECT subject, operator FROM audit_entries WHERE via = 'console'")
    assert (path.lstrip("/").replace("mails/", "mail:"), "a-operator") == tuple(entry)


async def test_a_viewer_sees_mails_and_does_nothing(console: Console, mails: MailSetup) -> None:
    path = await _missing(mails)
    async with console.client(Role.VIEWER) as client:
        for page in ("/mails", path):
            found = await client.get(page)
            assert (200, {"/language", "/sign-out"}) == (found.status, found.forms), page
        for form in (path, f"{path}/heal", f"{path}/dismiss", "/mails"):
            assert 403 == (await client.post(form)).status, form
    assert ["missing"] == await mails.states()


async def test_filters(console: Console, mails: MailSetup) -> None:
    path = await _missing(mails)
    forged = await mails.keep(message(facts("05", order_no="B-1"), believed=False))
    failed = await mails.keep(message(replace(facts(), kind=MailKind.CALL_FAILED)))
    await mails.match("observe")
    paths = (path, f"/mails/{forged.id}", f"/mails/{failed.id}")
    async with console.client(Role.VIEWER) as client:
        for query, shown in (
            ("", (True, True, True)),
            ("state=missing", (True, False, False)),
            ("state=not_believed", (False, True, False)),
            ("state=call_failed", (False, False, True)),
            ("state=waiting", (False, False, False)),
            ("kind=confirmed", (False, True, False)),
            ("order_no=B-1", (False, True, False)),
            (f"order_no={ORDER_NO}&kind=paid", (True, False, False)),
        ):
            page = await client.get(f"/mails?{query}")
            assert shown == tuple(f'href="{one}"' in page.text for one in paths), query
        for query in ("state=x", "kind=x", "cursor=x"):
            page = await client.get(f"/mails?{query}", **ENGLISH)
            assert "These search values are invalid." in page.text, query
        missing = "/mails/01a21b9b-7fd4-754b-884a-8133324fad29"
        assert 404 == (await client.get(missing)).status


@pytest.mark.parametrize(
    ("believed", "clientip", "words", "remedy"),
    [
        (False, CLIENTIP, "No signature of Zeus&#39;s domain", "RELAY_MAIL_FORWARDERS"),
        (True, "2012999999", "Not our IP code", "RELAY_IP_CODES"),
    ],
)
async def test_a_mail_that_is_not_believed_says_why(
    console: Console, mails: MailSetup, believed: bool, clientip: str, words: str, remedy: str
) -> None:
    kept = await mails.keep(message(facts(clientip=clientip), believed=believed))
    await mails.read()
    async with console.client(Role.OPERATOR) as client:
        page = await client.get(f"/mails/{kept.id}", **ENGLISH)
        assert (words in page.text, remedy in page.text) == (True, True)
        assert f"/mails/{kept.id}/heal" not in page.forms


async def test_a_file_is_handed_in(console: Console, mails: MailSetup) -> None:
    raw = b"".join(
        b"From zeus now\n" + message(facts(order_no=f"A-{number}")) + b"\n" for number in range(2)
    )
    async with console.client(Role.OPERATOR) as client:
        for _ in range(2):
            done = await _upload(client, raw)
            assert (303, "/mails") == (done.status, done.headers["location"])
        assert "A worker reads them within seconds." in (await client.get("/mails", **ENGLISH)).text
        empty = await _upload(client, b"")
        assert (422, True) == (empty.status, "The file has no message." in empty.text)
    rows = await mails.rows("SELECT DISTINCT via, count(*) OVER () AS mails FROM mails")
    assert [("console", 2)] == [tuple(row) for row in rows]


async def test_links_from_the_review_and_from_the_order(console: Console, mails: MailSetup) -> None:
    path = await _missing(mails)
    await mails.mail("05", sent="2")
    [called] = await mails.judged("05")
    await mails.match("observe")
    [review] = await mails.rows("SELECT id FROM reviews WHERE reason = 'call_missing'")
    [matched] = await mails.rows("SELECT id FROM mails WHERE state = 'matched'")
    async with console.client(Role.OPERATOR) as client:
        assert f'href="{path}#decide"' in (await client.get(f"/reviews/{review.id}")).text
        page = await client.get(f"/orders/{ORDER_NO}", **ENGLISH)
        *_, lost, confirmed = page.text.partition('<ol class="timeline">')[2].split("\n  <li>")[:4]
        assert (path in lost, "Call missing" in lost) == (True, True)
        assert (f"/mails/{matched.id}" in confirmed, str(called) in confirmed) == (True, True)


async def test_an_amount_that_differs_leads_to_the_mail(console: Console, mails: MailSetup) -> None:
    await mails.judged("01", "04")
    kept = await mails.mail(money=5300)
    await mails.match("observe")
    [review] = await mails.rows("SELECT id FROM reviews WHERE reason = 'values_differ'")
    async with console.client(Role.VIEWER) as client:
        page = await client.get(f"/reviews/{review.id}", **ENGLISH)
        assert 2 == page.text.count(f'href="/mails/{kept.id}"')
        assert ("¥5,400" in page.text, "¥5,300" in page.text) == (True, True)


async def test_an_unknown_application_names_the_mails_that_agree(
    console: Console, mails: MailSetup
) -> None:
    application_id: UUID = await application(mails)
    [applied] = await mails.rows("SELECT money, clientip FROM applications")
    kept = await mails.mail("01", order_no="B-7", money=applied.money, clientip=applied.clientip)
    await mails.run("UPDATE applications SET customer = NULL, state = 'unknown', pay_cvs = 'D001'")
    await mails.read()
    async with console.client(Role.OPERATOR) as client:
        page = await client.get(f"/applications/{application_id}", **ENGLISH)
        assert (f'href="/mails/{kept.id}"' in page.text, "B-7" in page.text) == (True, True)
        await mails.run("UPDATE applications SET state = 'failed'")
        assert f"/mails/{kept.id}" not in (await client.get(f"/applications/{application_id}")).text


async def test_today_shows_the_loss(console: Console, mails: MailSetup) -> None:
    await _missing(mails)
    async with console.client(Role.VIEWER) as client:
        page = await client.get("/", **ENGLISH)
        assert "100.00%" in page.text
        assert "1 of 1 in 24 hours" in page.text


def test_every_state_and_kind_has_a_label() -> None:
    assert set(MailState) == set(KINDS["mail"])
    assert set(MailKindName) == set(KINDS["mail_kind"])
    assert set(BeliefReason) < set(KINDS["belief"])
