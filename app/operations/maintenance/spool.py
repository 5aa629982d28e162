"""Draining of a spool directory by hand, with an audit entry."""

import asyncio
import dataclasses
import socket
from pathlib import Path

from app.db.engine import Sessions
from app.operations.access.audit import write_entry
from app.operations.access.permissions import Action, Actor
from app.recording.spool.drainer import Drained
from app.recording.spool.status import drain_spool, retry_refused


async def drain_by_hand(
    sessions: Sessions, url: str, directory: Path, actor: Actor, *, refused: bool = False
) -> Drained:
    """Record the calls that ended processes left in `directory` in the database at `url`.

    With `refused`, also retry calls that the database refused before. The audit entry names this
    machine and is written after the draining; the calls stay recorded if it fails. Raise
    NotAllowed before anything is drained, and OSError and asyncpg's errors as draining does.
    """
    actor.demand(Action.SPOOL_DRAINED)
    if refused:
        await asyncio.to_thread(retry_refused, directory)
    drained = await drain_spool(url, directory)
    async with sessions.begin() as session:
        subject = f"spool:{socket.gethostname()}"
        await write_entry(
            session,
            actor,
            Action.SPOOL_DRAINED,
            subject,
            **dataclasses.asdict(drained),
            with_refused=refused,
        )
    return drained
