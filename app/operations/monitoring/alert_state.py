"""What the alerts have told and what they have still to tell, kept in the database: a restart or another process tells nothing twice."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.db.engine import Sessions
from app.db.tables.operators import AlertMemoryRow
from app.operations.monitoring.alert_messages import Told

_NAME_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class Memory:
    """What was told by the key of its concern, and the messages that wait to be sent, the oldest first."""

    told: dict[str, Told] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def name_of(url: str) -> str:
    """Under which name the memory of what this URL was told is kept. Another URL begins anew; from the name nobody learns the URL."""
    return hashlib.sha256(url.encode()).hexdigest()[:_NAME_CHARACTERS]


async def recall(sessions: Sessions, name: str) -> Memory:
    """What is kept under this name; an empty memory if nothing is."""
    query = select(AlertMemoryRow).where(AlertMemoryRow.name == name)
    async with sessions() as session:
        row = await session.scalar(query)
    return (
        Memory({key: _told_of(values) for key, values in row.told.items()}, list(row.waiting))
        if row
        else Memory()
    )


async def keep(sessions: Sessions, name: str, memory: Memory) -> None:
    """Keep a memory in place of the one before."""
    values = {
        "told": {key: _values_of(told) for key, told in memory.told.items()},
        "waiting": memory.waiting,
        "updated_at": func.now(),
    }
    statement = insert(AlertMemoryRow).values(name=name, **values)
    async with sessions.begin() as session:
        await session.execute(
            statement.on_conflict_do_update(index_elements=[AlertMemoryRow.name], set_=values)
        )


def _values_of(told: Told) -> dict[str, object]:
    return {
        "text": told.text,
        "began": told.began.isoformat(),
        "said": told.said.isoformat(),
        "ids": list(told.ids),
    }


def _told_of(values: dict[str, object]) -> Told:
    began, said, ids = values["began"], values["said"], values["ids"]
    assert isinstance(ids, list)  # noqa: S101 - we wrote it
    return Told(
        str(values["text"]),
        datetime.fromisoformat(str(began)),
        datetime.fromisoformat(str(said)),
        tuple(map(str, ids)),
    )
