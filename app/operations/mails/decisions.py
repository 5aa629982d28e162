"""Decisions of operators about mails: heal a lost call by hand, or dismiss a mail."""

import asyncio
from datetime import timedelta
from typing import Final
from uuid import UUID

from sqlalchemy import select, text
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import defer

from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.db.notify import NOTICES
from app.db.tables.mails import MailRow
from app.judging import sql
from app.mailbox.findings import Findings
from app.mailbox.healing import heal
from app.mailbox.pairing import with_payments_after
from app.mailbox.rows import OLD, read_mails, write_ends
from app.mailbox.states import MailState
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor
from app.operations.mails.errors import MailEnded, NoSuchMail, NotHealable, OrderBusy
from app.operations.mails.mails import read_mail_in_full
from app.operations.mails.models import MailInFull
from app.operations.reviews.settlement import DecisionRules

HEALABLE: Final = (MailState.WAITING, MailState.MISSING)
DISMISSIBLE: Final = (
    *HEALABLE,
    MailState.NOT_BELIEVED,
    MailState.UNREADABLE,
    MailState.CALL_FAILED,
)
_TRIES: Final = 20
_PAUSE_S: Final = 0.25


async def heal_mail(
    sessions: Sessions,
    mail_id: UUID,
    actor: Actor,
    rules: DecisionRules,
    once: Once | None = None,
) -> MailInFull:
    """Make up for the lost call of a believed mail, and end its review.

    Calls of its lane that wait to be judged come first, for a few seconds. Raise NoSuchMail,
    NotHealable, OrderBusy, NotAllowed or KeyReused.
    """
    actor.demand(Action.MAIL_HEALED)
    for _ in range(_TRIES):
        async with sessions.begin() as session:
            if once and (earlier := await once.earlier(session, actor)):
                return MailInFull.model_validate_json(earlier)
            row = await _locked(session, mail_id)
            if row.state not in HEALABLE and OLD not in row.flags:
                raise NotHealable(row.state)
            if await sql.lock_idle_lanes(session, {lane_of(row.order_no or "")}):
                await _heal(session, row, actor, rules)
                healed = await read_mail_in_full(session, mail_id)
                if once:
                    await once.keep(session, actor, healed.model_dump_json())
                return healed
        await asyncio.sleep(_PAUSE_S)
    raise OrderBusy


async def dismiss_mail(
    sessions: Sessions,
    mail_id: UUID,
    actor: Actor,
    rules: DecisionRules,
    once: Once | None = None,
) -> MailInFull:
    """Say that nothing follows from a mail, and end its review.

    Raise NoSuchMail, MailEnded, NotAllowed or KeyReused.
    """
    actor.demand(Action.MAIL_DISMISSED)
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return MailInFull.model_validate_json(earlier)
        row = await _locked(session, mail_id)
        if row.state not in DISMISSIBLE:
            raise MailEnded(row.state)
        await _end_review(session, row, actor, rules)
        await write_ends(session, [{"id": mail_id, "state": MailState.DISMISSED}])
        await write_entry(session, actor, Action.MAIL_DISMISSED, f"mail:{mail_id}")
        await session.execute(text(f"NOTIFY {NOTICES}"))
        dismissed = await read_mail_in_full(session, mail_id)
        if once:
            await once.keep(session, actor, dismissed.model_dump_json())
    return dismissed


async def _locked(session: AsyncSession, mail_id: UUID) -> MailRow:
    """Return the mail once nobody else judges its order. Raise NoSuchMail.

    The lock of the lane comes before that of the row, as in matching.
    """
    query = select(MailRow).options(defer(MailRow.raw)).where(MailRow.id == mail_id)
    row = await session.scalar(query)
    if row is None:
        raise NoSuchMail
    if row.order_no is not None:
        await sql.await_lanes(session, [row.order_no])
    locked = query.with_for_update().execution_options(populate_existing=True)
    return (await session.scalars(locked)).one()


async def _heal(session: AsyncSession, row: MailRow, actor: Actor, rules: DecisionRules) -> None:
    await _end_review(session, row, actor, rules)
    mails = await read_mails(session, [row.order_no or ""], timedelta(0))
    due = with_payments_after([mail for mail in mails if mail.id == row.id], mails)
    _, outcome = await heal(session, [mail.id for mail in due], rules.healing)
    await write_entry(
        session,
        actor,
        Action.MAIL_HEALED,
        f"mail:{row.id}",
        order_no=row.order_no,
        status=row.status,
        verdict=outcome.verdicts[0]["verdict"],
    )
    await session.execute(text(f"NOTIFY {NOTICES}"))  # for judges that passed over the lane


async def _end_review(
    session: AsyncSession, row: MailRow, actor: Actor, rules: DecisionRules
) -> None:
    if row.order_no is None or row.state != MailState.MISSING:
        return
    findings = Findings(rules.healing)
    await findings.read_orders(session, [row.order_no])
    findings.settle(row.id, row.order_no, row.status or "", actor.name)
    await findings.write_reviews(session)
