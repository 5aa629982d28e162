"""Release of quarantined notices: judged in spite of their faults, or with corrected values."""

from collections.abc import Mapping
from typing import Annotated, Any
from uuid import UUID

from pydantic import AfterValidator, ConfigDict, Field, WithJsonSchema
from sqlalchemy import text, update
from sqlalchemy.ext.asyncio import AsyncSession

from app.db.engine import Sessions
from app.db.lanes import lane_of
from app.db.notify import NOTICES
from app.db.tables.notices import NoticeRow
from app.judging.verdicts import Verdict
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.operations.errors import NoticeNotFound, NotReleasable
from app.operations.maintenance.erasure import look_again
from app.operations.models import Line, Value
from app.operations.notices.notices import Notice, call_of, faults_of, notice_of
from app.operations.reviews.settlement import DecisionRules, end_review, latest_review
from app.order_life.reviews import OF_QUARANTINE, Settlement
from app.zeus.corrections import corrected
from app.zeus.parameters import BY_NAME


def _known(name: str) -> str:
    if name not in BY_NAME:
        raise ValueError("is no parameter of a call")
    return name


ParameterName = Annotated[
    Line, AfterValidator(_known), WithJsonSchema({"type": "string", "enum": list(BY_NAME)})
]
Correction = Annotated[Line, Field(max_length=500)]
_USUAL = DecisionRules()


class NoticeRelease(Value):
    """Values that replace those of the call."""

    model_config = ConfigDict(extra="forbid")

    parameters: Annotated[
        dict[ParameterName, Correction] | None, Field(examples=[{"status": "04"}])
    ] = None
    """Corrected values by parameter. An empty value removes the parameter. The call stays as it
    was, beside them.
    """


async def release_notice(
    sessions: Sessions,
    notice_id: UUID,
    actor: Actor,
    release: NoticeRelease | None = None,
    rules: DecisionRules = _USUAL,
) -> Notice:
    """Release a quarantined notice, so that a worker judges it in spite of its faults.

    Its review ends with `release`. Raise NoticeNotFound, NotAllowed, or NotReleasable with the
    reasons for which it would be quarantined again.
    """
    corrections = (release.parameters if release else None) or {}
    async with sessions.begin() as session:
        reasons = await release_in(session, notice_id, corrections, None, actor, rules)
        await write_entry(
            session,
            actor,
            Action.NOTICE_RELEASED,
            f"notice:{notice_id}",
            reasons=reasons,
            corrected=sorted(corrections),
        )
        row = await session.get_one(NoticeRow, notice_id, populate_existing=True)
        return notice_of(row)


async def release_in(
    session: AsyncSession,
    notice_id: UUID,
    corrections: Mapping[str, str],
    note: str | None,
    actor: Actor,
    rules: DecisionRules,
) -> list[str]:
    """Release a notice as `release_notice` does, within a transaction of the caller.

    Return the reasons for which it was quarantined.
    """
    review = await latest_review(session, notice_id, OF_QUARANTINE)
    if review is not None and review.settlement != Settlement.RELEASE:
        await end_review(session, review.id, Settlement.RELEASE, note, actor, rules)
    row = await session.get(NoticeRow, notice_id, with_for_update=True, populate_existing=True)
    if row is None:
        raise NoticeNotFound
    values = _released(row, corrections)
    await session.execute(update(NoticeRow).where(NoticeRow.id == notice_id).values(values))
    await look_again(session, notice_id)
    await session.execute(text(f"NOTIFY {NOTICES}"))
    return list(row.reasons)


def _released(row: NoticeRow, corrections: Mapping[str, str]) -> dict[str, Any]:
    """Return the columns of the released notice. Raise NotReleasable."""
    if row.verdict != Verdict.QUARANTINED:
        raise NotReleasable((f"verdict:{row.verdict or 'unjudged'}",))
    if row.erased_at is not None:
        raise NotReleasable(("erased",))
    call = call_of(row)
    if corrections:
        call = corrected(call, corrections)
    if reasons := faults_of(call):
        raise NotReleasable(reasons)
    return {
        "released": True,
        "corrections": dict(corrections) or None,
        "lane": lane_of(call.order_no),
        "verdict": None,
        "judged_at": None,
        "dismissed_at": None,
        "dismissal": None,
    }
