"""Mails about orders that the simulator sent or meant to send, and its DKIM key, in SQLite."""

import json
import sqlite3
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_SCHEMA = """
CREATE TABLE IF NOT EXISTS mails (
    order_no TEXT NOT NULL, n INTEGER NOT NULL, kind TEXT NOT NULL, recipient TEXT NOT NULL,
    subject TEXT NOT NULL, text TEXT NOT NULL, message BLOB NOT NULL, sent_at TEXT NOT NULL,
    outcome TEXT NOT NULL, PRIMARY KEY (order_no, n));
CREATE TABLE IF NOT EXISTS dkim_key (pem BLOB NOT NULL);
"""


@dataclass(frozen=True, slots=True)
class SentMail:
    """One mail about an order: its number, words and bytes, and its outcome in words of the API.

    `kind` is the manual's name of a mail to the merchant, or `slip` or `receipt` to the customer.
    """

    n: int
    kind: str
    recipient: str = field(repr=False)
    subject: str
    text: str = field(repr=False)
    message: bytes = field(repr=False)
    sent_at: datetime
    outcome: Mapping[str, Any]


class SentMails:
    """The mails of one simulator. Every method is one short statement."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        connection.executescript(_SCHEMA)

    def next_number(self, order_no: str) -> int:
        """Return the number of the order's next mail."""
        row = self._connection.execute(
            "SELECT coalesce(max(n), 0) + 1 FROM mails WHERE order_no = ?", (order_no,)
        ).fetchone()
        return int(row[0])

    def add(self, order_no: str, mail: SentMail) -> None:
        """Keep a mail about an order."""
        self._connection.execute(
            "INSERT INTO mails VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                order_no,
                mail.n,
                mail.kind,
                mail.recipient,
                mail.subject,
                mail.text,
                mail.message,
                mail.sent_at.isoformat(),
                json.dumps(mail.outcome),
            ),
        )

    def of_order(self, order_no: str) -> list[SentMail]:
        """Return every mail about an order, the first one first."""
        rows = self._connection.execute(
            "SELECT * FROM mails WHERE order_no = ? ORDER BY n", (order_no,)
        )
        return [_mail(row) for row in rows]

    def count(self, order_no: str) -> int:
        """Return how many mails there are about an order."""
        row = self._connection.execute(
            "SELECT count(*) FROM mails WHERE order_no = ?", (order_no,)
        ).fetchone()
        return int(row[0])

    def dkim_key(self) -> bytes | None:
        """Return the DKIM key in PEM, or None when none was kept yet."""
        row = self._connection.execute("SELECT pem FROM dkim_key").fetchone()
        return bytes(row["pem"]) if row else None

    def keep_dkim_key(self, pem: bytes) -> None:
        """Keep the DKIM key. A reset leaves it, so that its DNS record stays true."""
        self._connection.execute("INSERT INTO dkim_key VALUES (?)", (pem,))


def _mail(row: sqlite3.Row) -> SentMail:
    return SentMail(
        row["n"],
        row["kind"],
        row["recipient"],
        row["subject"],
        row["text"],
        row["message"],
        datetime.fromisoformat(row["sent_at"]),
        json.loads(row["outcome"]),
    )
