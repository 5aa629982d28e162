"""Mails over HTTP: hand in, list, show, heal, dismiss, and who may."""

from datetime import UTC, datetime

import pytest

from app.clock import now
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.operations.access.permissions import Role
from tests.api.api_client import Api
from tests.api.api_walk import token
from tests.forwarding.delivery_setup import KEY
from tests.mailbox.mail_setup import MailSetup, facts, message
from tests.operations.operations_setup import ORDER_NO, TELNO

AT = datetime(2026, 11, 27, 3, 51, tzinfo=UTC)
RAW = message(facts(occurred_at=AT))


@pytest.fixture
def mails(sessions: Sessions, database_url: str) -> MailSetup:
    """Return a setup with mails on the test's own database."""
    return MailSetup(sessions, database_url, Vault([KEY]))


async def _hand_in(api: Api, raw: bytes = RAW) -> str:
    answer = await api.post("/mails", data=raw, headers={"content-type": "message/rfc822"})
    assert 202 == answer.status
    return str(answer.json["mails"][0]["id"])


async def test_a_message_is_handed_in_once(api: Api) -> None:
    first = await _hand_in(api)
    answer = await api.post("/mails", data=RAW, headers={"content-type": "message/rfc822"})
    assert (1, 1, 0) == tuple(answer.json[name] for name in ("messages", "known", "too_large"))
    assert [{"id": first, "state": "unread", "is_known": True}] == answer.json["mails"]


async def test_an_mbox_is_handed_in(api: Api) -> None:
    raw = b"".join(
        b"From zeus now\n" + message(facts(order_no=f"A-{number}")) + b"\n" for number in range(3)
    )
    answer = await api.post("/mails", data=raw, headers={"content-type": "application/mbox"})
    assert (202, 3) == (answer.status, answer.json["messages"])


async def test_a_mail_is_listed_and_shown_without_personal_values(
    api: Api, mails: MailSetup
) -> None:
    mail_id = await _hand_in(api)
    await mails.read()
    for query in ("", "?state=waiting", f"?order_no={ORDER_NO}", "?kind=paid"):
        assert [mail_id] == [one["id"] for one in (await api.get(f"/mails{query}")).json["items"]]
    for query in ("?state=healed", "?order_no=A-1", "?kind=confirmed&state=waiting"):
        assert [] == (await api.get(f"/mails{query}")).json["items"]
    shown = (await api.get(f"/mails/{mail_id}")).json
    assert ("waiting", True, "paid", 5400) == tuple(
        shown[name] for name in ("state", "believed", "kind", "money")
    )
    assert ("***", None, None) == (shown["telno_tail"], shown["text"], shown["raw"])
    open_one = (await api.get(f"/mails/{mail_id}?personal=true")).json
    assert TELNO in open_one["text"]
    assert "notice@zeus.example" in open_one["raw"]
    [looked] = await mails.rows("SELECT subject FROM audit_entries WHERE action LIKE 'personal%'")
    assert f"mail:{mail_id}" == looked.subject


async def test_a_lost_call_is_healed_by_one_request(api: Api, mails: MailSetup) -> None:
    await mails.judged("01")
    mail_id = await _hand_in(api)
    await mails.match("observe")
    healed = await api.post(f"/mails/{mail_id}/heal")
    assert (200, "healed") == (healed.status, healed.json["state"])
    again = await api.post(f"/mails/{mail_id}/heal")
    assert (409, "not-healable") == (again.status, again.json["type"].rpartition(":")[2])
    [review] = await mails.rows("SELECT settled_by FROM reviews")
    assert "admin-token" == review.settled_by
    types = [event for event, _ in await mails.events()]
    assert ["review.required", "review.settled", "payment.received"] == types[1:]


async def test_a_lost_call_of_an_unknown_order_is_healed(api: Api, mails: MailSetup) -> None:
    mail_id = await _hand_in(api, message(facts(occurred_at=now())))
    await mails.match("observe")
    assert "healed" == (await api.post(f"/mails/{mail_id}/heal")).json["state"]
    [review] = await mails.rows("SELECT settled_at FROM reviews")
    assert review.settled_at is not None


async def test_what_is_not_believed_is_never_healed(api: Api, mails: MailSetup) -> None:
    mail_id = await _hand_in(api, message(facts(), believed=False))
    await mails.match("observe")
    assert 409 == (await api.post(f"/mails/{mail_id}/heal")).status
    assert [] == await mails.events()
    assert "dismissed" == (await api.post(f"/mails/{mail_id}/dismiss")).json["state"]
    assert 409 == (await api.post(f"/mails/{mail_id}/dismiss")).status


async def test_calls_that_wait_to_be_judged_come_before_healing(api: Api, mails: MailSetup) -> None:
    mail_id = await _hand_in(api)
    await mails.match("observe")
    await mails.call("04")
    answer = await api.post(f"/mails/{mail_id}/heal")
    assert (409, "order-busy") == (answer.status, answer.json["type"].rpartition(":")[2])


async def test_dismissing_ends_the_review(api: Api, mails: MailSetup) -> None:
    await mails.judged("01")
    mail_id = await _hand_in(api)
    await mails.match("observe")
    assert "dismissed" == (await api.post(f"/mails/{mail_id}/dismiss")).json["state"]
    [review] = await mails.rows("SELECT settlement FROM reviews")
    assert "dismiss" == review.settlement


async def test_a_mailer_hands_in_and_does_nothing_else(api: Api, mails: MailSetup) -> None:
    mailer = {"authorization": f"Bearer {await token(mails, 'post', Role.MAILER)}"}
    answer = await api.post("/mails", data=RAW, headers=mailer)
    assert 202 == answer.status
    mail_id = answer.json["mails"][0]["id"]
    for path in ("/mails", f"/mails/{mail_id}", "/orders"):
        assert 403 == (await api.get(path, headers=mailer)).status
    assert 403 == (await api.post(f"/mails/{mail_id}/heal", headers=mailer)).status


async def test_a_body_over_the_limit_is_refused(api: Api) -> None:
    answer = await api.post("/mails", data=b"", headers={"content-length": str(60 * 1024 * 1024)})
    assert 413 == answer.status
