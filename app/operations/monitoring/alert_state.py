"""Alert state in the database: alerts sent and messages pending.

With it, a restarted or another process sends no alert twice.
"""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert

from app.db.engine import Sessions
from app.db.tables.operators import AlertMemoryRow
from app.operations.monitoring.alert_messages import SentAlert

_NAME_CHARACTERS = 16


@dataclass(frozen=True, slots=True)
class AlertState:
    """Alerts sent, by condition key, and pending messages, the oldest first."""

    sent: dict[str, SentAlert] = field(default_factory=dict)
    waiting: list[str] = field(default_factory=list)


def name_of(url: str) -> str:
    """Return the name of the state for this URL, which does not reveal the URL.

    Another URL has another state.
    """
    return hashlib.sha256(url.encode()).hexdigest()[:_NAME_CHARACTERS]


async def read_state(sessions: Sessions, name: str) -> AlertState:
    """Return the state with this name, or an empty one."""
    query = select(AlertMemoryRow).where(AlertMemoryRow.name == name)
    async with sessions() as session:
        row = await session.scalar(query)
    if row is None:
        return AlertState()
    sent = {key: _sent_alert_of(values) for key, values in row.told.items()}
    return AlertState(sent, list(row.waiting))


async def write_state(sessions: Sessions, name: str, state: AlertState) -> None:
    """Write the state in place of the one before."""
    values = {
        "told": {key: _values_of(alert) for key, alert in state.sent.items()},
        "waiting": state.waiting,
        "updated_at": func.now(),
    }
    statement = insert(AlertMemoryRow).values(name=name, **values)
    async with sessions.begin() as session:
        await session.execute(
            statement.on_conflict_do_update(index_elements=[AlertMemoryRow.name], set_=values)
        )


def _values_of(alert: SentAlert) -> dict[str, object]:
    return {
        "text": alert.text,
        "began": alert.began.isoformat(),
        "said": alert.last_sent.isoformat(),
        "ids": list(alert.ids),
    }


def _sent_alert_of(values: dict[str, object]) -> SentAlert:
    began, last_sent, ids = values["began"], values["said"], values["ids"]
    assert isinstance(ids, list)  # noqa: S101 - `_values_of` wrote it
    return SentAlert(
        str(values["text"]),
        datetime.fromisoformat(str(began)),
        datetime.fromisoformat(str(last_sent)),
        tuple(map(str, ids)),
    )
