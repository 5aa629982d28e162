"""Store of the simulator: orders, calls, mails and timers, in one SQLite file or in memory."""

import json
import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from app.simulator.state.sent_mails import SentMails
from app.simulator.state.transitions import SlipAction, SlipState

_SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    number INTEGER PRIMARY KEY, order_no TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    stopped INTEGER NOT NULL DEFAULT 0,
    created_at TEXT NOT NULL, changed_at TEXT NOT NULL, test_type TEXT, replaced_by TEXT,
    values_ TEXT NOT NULL, searched TEXT NOT NULL);
CREATE TABLE IF NOT EXISTS calls (
    order_no TEXT NOT NULL, n INTEGER NOT NULL, status TEXT NOT NULL, query BLOB NOT NULL,
    made_at TEXT NOT NULL, outcome TEXT NOT NULL, PRIMARY KEY (order_no, n));
CREATE TABLE IF NOT EXISTS timers (
    id INTEGER PRIMARY KEY, order_no TEXT NOT NULL, due_at TEXT NOT NULL, action TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timers_due ON timers (due_at);
"""


class SlipNotFound(Exception):
    """No order has this number."""


class CallNotFound(Exception):
    """The order has no call with this number."""

    def __init__(self, order_no: str, n: int) -> None:
        super().__init__(order_no, n)
        self.order_no, self.n = order_no, n


class MailNotFound(CallNotFound):
    """The order has no mail with this number."""


@dataclass(frozen=True, slots=True)
class Slip:
    """One order as Zeus keeps it. `values` are the parameters of its calls but `status`."""

    order_no: str
    state: SlipState
    created_at: datetime
    changed_at: datetime
    values: Mapping[str, str] = field(repr=False)
    test_type: str | None = None
    stopped: bool = False
    replaced_by: str | None = None


@dataclass(frozen=True, slots=True)
class MadeCall:
    """One call about an order: its number, the bytes sent, and its outcome in the API's words."""

    n: int
    status: str
    query: bytes = field(repr=False)
    made_at: datetime
    outcome: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Timer:
    """An action that falls due on the simulated clock."""

    id: int
    order_no: str
    due_at: datetime
    action: SlipAction


class SlipStore:
    """All state of one simulator. Every method is one short statement."""

    def __init__(self, path: Path | None = None) -> None:
        self._connection = sqlite3.connect(
            path or ":memory:", isolation_level=None, check_same_thread=False
        )
        self._connection.row_factory = sqlite3.Row
        self._connection.execute("PRAGMA journal_mode = WAL")
        self._connection.execute("PRAGMA synchronous = NORMAL")
        self._connection.executescript(_SCHEMA)
        self.mails = SentMails(self._connection)

    def close(self) -> None:
        """Close the file."""
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Write what the block writes together, or nothing of it."""
        self._connection.execute("BEGIN")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def reset(self) -> None:
        """Forget every order, call, mail and timer."""
        with self.transaction():
            for table in ("orders", "calls", "timers", "mails"):
                self._connection.execute(f"DELETE FROM {table}")  # noqa: S608 - names from this line

    def next_number(self) -> int:
        """Return the serial number that the next order gets."""
        row = self._connection.execute("SELECT coalesce(max(number), 0) + 1 FROM orders").fetchone()
        return int(row[0])

    def add(self, slip: Slip) -> None:
        """Add an order."""
        self._connection.execute(
            "INSERT INTO orders"
            " (order_no, state, created_at, changed_at, test_type, values_, searched)"
            " VALUES (?, ?, ?, ?, ?, ?, ?)",
            (
                slip.order_no,
                slip.state,
                _text(slip.created_at),
                _text(slip.changed_at),
                slip.test_type,
                json.dumps(dict(slip.values)),
                "\n".join(slip.values.values()),
            ),
        )

    def change(
        self,
        order_no: str,
        state: SlipState,
        at: datetime,
        *,
        stopped: bool,
        replaced_by: str | None = None,
    ) -> None:
        """Give an order its new state."""
        self._connection.execute(
            "UPDATE orders SET state = ?, changed_at = ?, stopped = ?,"
            " replaced_by = coalesce(?, replaced_by) WHERE order_no = ?",
            (state, _text(at), stopped, replaced_by, order_no),
        )

    def slip(self, order_no: str) -> Slip | None:
        """Return an order, or None."""
        row = self._connection.execute(
            "SELECT * FROM orders WHERE order_no = ?", (order_no,)
        ).fetchone()
        return _slip(row) if row else None

    def slips(self, search: str = "", limit: int = 100) -> list[Slip]:
        """Return the newest orders whose number or values hold `search`."""
        like = "%" + search.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_") + "%"
        rows = self._connection.execute(
            "SELECT * FROM orders WHERE searched LIKE ? ESCAPE '\\' ORDER BY number DESC LIMIT ?",
            (like, limit),
        )
        return [_slip(row) for row in rows]

    def add_call(
        self, order_no: str, status: str, query: bytes, at: datetime, outcome: Mapping[str, Any]
    ) -> MadeCall:
        """Keep a call with its outcome and return it with its number within the order.

        Raises:
            SlipNotFound: the order was forgotten in the meantime.
        """
        if self.slip(order_no) is None:
            raise SlipNotFound(order_no)
        row = self._connection.execute(
            "INSERT INTO calls SELECT ?, coalesce(max(n), 0) + 1, ?, ?, ?, ?"
            " FROM calls WHERE order_no = ? RETURNING n",
            (order_no, status, query, _text(at), json.dumps(outcome), order_no),
        ).fetchone()
        return MadeCall(row["n"], status, query, at, outcome)

    def set_outcome(self, order_no: str, n: int, outcome: Mapping[str, Any]) -> None:
        """Give the call with number `n` the outcome that it had later."""
        self._connection.execute(
            "UPDATE calls SET outcome = ? WHERE order_no = ? AND n = ?",
            (json.dumps(outcome), order_no, n),
        )

    def calls(self, order_no: str) -> list[MadeCall]:
        """Return every call about an order, the first one first."""
        rows = self._connection.execute(
            "SELECT * FROM calls WHERE order_no = ? ORDER BY n", (order_no,)
        )
        return [
            MadeCall(
                row["n"],
                row["status"],
                row["query"],
                _moment(row["made_at"]),
                json.loads(row["outcome"]),
            )
            for row in rows
        ]

    def add_timer(self, order_no: str, due_at: datetime, action: SlipAction) -> None:
        """Let `action` fall due."""
        self._connection.execute(
            "INSERT INTO timers (order_no, due_at, action) VALUES (?, ?, ?)",
            (order_no, _text(due_at), action),
        )

    def next_timer(self) -> Timer | None:
        """Return the timer that is due first, or None."""
        row = self._connection.execute(
            "SELECT * FROM timers ORDER BY due_at, id LIMIT 1"
        ).fetchone()
        return _timer(row) if row else None

    def take_due_timers(self, now: datetime) -> list[Timer]:
        """Remove the timers that are due at `now` and return them, the earliest first."""
        rows = self._connection.execute(
            "DELETE FROM timers WHERE due_at <= ? RETURNING *", (_text(now),)
        ).fetchall()
        rows.sort(key=lambda row: (row["due_at"], row["id"]))
        return [_timer(row) for row in rows]

    def latest_moment(self) -> datetime | None:
        """Return the time of the latest change or call, or None in an empty store."""
        row = self._connection.execute(
            "SELECT max(at) FROM (SELECT max(changed_at) AS at FROM orders"
            " UNION ALL SELECT max(made_at) FROM calls)"
        ).fetchone()
        return _moment(row[0]) if row[0] else None


def _text(moment: datetime) -> str:
    """Return a moment as text that sorts by time."""
    return moment.astimezone(UTC).isoformat(timespec="microseconds")


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)


def _timer(row: sqlite3.Row) -> Timer:
    return Timer(row["id"], row["order_no"], _moment(row["due_at"]), SlipAction(row["action"]))


def _slip(row: sqlite3.Row) -> Slip:
    return Slip(
        row["order_no"],
        SlipState(row["state"]),
        _moment(row["created_at"]),
        _moment(row["changed_at"]),
        json.loads(row["values_"]),
        row["test_type"],
        bool(row["stopped"]),
        row["replaced_by"],
    )
