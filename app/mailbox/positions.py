"""Positions in mailboxes: the highest UID that was read, within one UIDVALIDITY."""

from sqlalchemy import text

from app.db.engine import Sessions

_FIND = text("SELECT uid FROM mailboxes WHERE name = :name AND uidvalidity = :uidvalidity")
_SAVE = text("""
INSERT INTO mailboxes (name, uidvalidity, uid, read_at, last_mail_at)
VALUES (:name, :uidvalidity, :uid, clock_timestamp(), CASE WHEN :mails THEN clock_timestamp() END)
ON CONFLICT (name) DO UPDATE SET
  uid = CASE WHEN mailboxes.uidvalidity = excluded.uidvalidity
    THEN greatest(mailboxes.uid, excluded.uid) ELSE excluded.uid END,
  uidvalidity = excluded.uidvalidity,
  read_at = excluded.read_at,
  last_mail_at = coalesce(excluded.last_mail_at, mailboxes.last_mail_at)
""")


class Positions:
    """Reads and saves positions in Postgres."""

    def __init__(self, sessions: Sessions) -> None:
        self._sessions = sessions

    async def find(self, name: str, uidvalidity: int) -> int:
        """Return the highest UID that was read; 0 for none, or after the numbers began anew."""
        async with self._sessions() as session:
            values = {"name": name, "uidvalidity": uidvalidity}
            return int(await session.scalar(_FIND, values) or 0)

    async def save(self, name: str, uidvalidity: int, uid: int, *, has_mails: bool) -> None:
        """Save a position, and that the mailbox was read just now."""
        values = {"name": name, "uidvalidity": uidvalidity, "uid": uid, "mails": has_mails}
        async with self._sessions.begin() as session:
            await session.execute(_SAVE, values)
