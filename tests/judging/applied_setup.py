"""Applications in tests: keys of references, applications, and sendpoints that carry them."""

from typing import Any
from uuid import UUID

from sqlalchemy import bindparam, text
from sqlalchemy.types import Uuid

from app.clock import uuid7
from app.crypto.reference import ReferenceKeys
from app.db.driver.direct import Statements
from app.db.engine import Sessions
from app.judging.judge import Judge
from app.judging.policy import Policy, References
from app.order_life.applied import AppliedFor

CLIENTIP = "2012000001"
APPLIED = {
    "clientip": CLIENTIP,
    "money": 5400,
    "pay_cvs": "D001",
    "sendid": "A-1001",
    "test": False,
    "state": "unknown",
}
"""Values of an application that fits tests.order_life.shop.FULL."""


class FixedKeys(ReferenceKeys):
    """Keys of references that no database adds to."""

    async def read(self, session: Statements) -> None:
        """Learn nothing."""


KEYS = FixedKeys([b"k" * 32])


def application(keys: ReferenceKeys = KEYS, **values: Any) -> AppliedFor:
    """Return an application whose sendpoint is its reference, with some other values."""
    values = {"id": uuid7(), **APPLIED, **values}
    values.setdefault("sendpoint", keys.make(UUID(str(values["id"])), values["clientip"]))
    return AppliedFor(**values)


_INSERT = text("""
INSERT INTO applications (id, key, request_hash, created_by, state, clientip, money, pay_cvs,
  sendid, sendpoint, test, replaces, form, order_no, pay_no1, pay_no2, pay_limit)
VALUES (:id, :key, '', 'shop', :state, :clientip, :money, :pay_cvs, :sendid,
  :sendpoint, :test, :replaces, '', :order_no, :pay_no1, :pay_no2, :pay_limit)
""").bindparams(bindparam("id", type_=Uuid), bindparam("replaces", type_=Uuid))


async def store(sessions: Sessions, applied: AppliedFor, replaces: UUID | None = None) -> None:
    """Store an application as the relay does before it sends one."""
    names = ("id", "state", "clientip", "money", "pay_cvs", "sendid", "sendpoint", "order_no")
    more = ("pay_no1", "pay_no2", "pay_limit")
    values = {name: getattr(applied, name) for name in (*names, *more)}
    test = "confirmed" if applied.test else None
    async with sessions.begin() as session:
        values |= {"key": str(applied.id), "test": test, "replaces": replaces}
        await session.execute(_INSERT, values)


def judge_of(
    sessions: Sessions, references: References = KEYS, *, applies: bool = True, **policy: Any
) -> Judge:
    """Return a judge that knows the keys of references and wakes nobody."""
    return Judge(
        sessions, Policy(references=references, applies=applies, **policy), on_events=lambda: None
    )


async def judge_all(sessions: Sessions, references: References = KEYS, **policy: Any) -> None:
    """Judge until nothing is left."""
    judge = judge_of(sessions, references, **policy)
    while await judge.judge_batch():
        pass
