"""Tests of suggestions: mails that agree with an application in all that both tell."""

from typing import Any
from uuid import UUID

import pytest

from app.clock import uuid7
from app.mailbox.suggestions import Suggestion, suggestions_for
from tests.mailbox.mail_setup import CLIENTIP, MailSetup

TELNO = "0312345678"


async def _apply(setup: MailSetup, **values: Any) -> UUID:
    """Record an application whose outcome is not known."""
    application_id = uuid7()
    row = {"money": 5400, "pay_cvs": "D001", "telno": TELNO, "order_no": None, **values}
    order_no = f"'{row['order_no']}'" if row["order_no"] else "NULL"
    await setup.run(
        "INSERT INTO applications (id, key, request_hash, created_by, state, clientip, money,"
        " pay_cvs, sendpoint, customer, form, order_no) VALUES"
        f" ('{application_id}', '{application_id}', '', 'sato', 'unknown', '{CLIENTIP}',"
        f" {row['money']}, '{row['pay_cvs']}', '', '{{\"telno\": \"{row['telno']}\"}}', '',"
        f" {order_no})"
    )
    return application_id


async def _found(setup: MailSetup, application_id: UUID) -> list[Suggestion]:
    async with setup.sessions() as session:
        return list(await suggestions_for(session, application_id))


async def test_a_mail_that_agrees_is_suggested(setup: MailSetup) -> None:
    application_id = await _apply(setup)
    kept = await setup.mail("01")
    await setup.read()
    [found] = await _found(setup, application_id)
    assert (kept.id, "01", 5400, True) == (
        found.mail_id,
        found.status,
        found.money,
        found.has_telno,
    )


@pytest.mark.parametrize(
    "other", [{"money": 5401}, {"pay_cvs": "D002"}, {"telno": "0312345679"}], ids=str
)
async def test_a_mail_that_disagrees_is_not_suggested(
    setup: MailSetup, other: dict[str, Any]
) -> None:
    application_id = await _apply(setup, **other)
    await setup.mail("01")
    await setup.read()
    assert [] == await _found(setup, application_id)


async def test_a_mail_of_another_application_is_not_suggested(setup: MailSetup) -> None:
    application_id = await _apply(setup)
    await setup.mail("01", order_no="A-1")
    await _apply(setup, order_no="A-1")
    await setup.read()
    assert [] == await _found(setup, application_id)


async def test_a_mail_of_another_day_is_not_suggested(setup: MailSetup) -> None:
    application_id = await _apply(setup)
    await setup.run("UPDATE applications SET created_at = now() - interval '2 days'")
    await setup.mail("01")
    await setup.read()
    assert [] == await _found(setup, application_id)
    assert [] == await _found(setup, uuid7())
