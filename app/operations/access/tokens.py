"""Tokens of operators: making, listing and revoking them, and telling whose a token is."""

import hashlib
import hmac
import secrets
import time
from datetime import datetime, timedelta
from typing import Annotated, Any
from uuid import UUID

from pydantic import ConfigDict, Field
from sqlalchemy import func, or_, select, text, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncSession

from app.clock import now, uuid7
from app.db.engine import Sessions
from app.db.tables.operators import OperatorTokenRow
from app.operations.access.audit import write_entry
from app.operations.access.idempotency import Once
from app.operations.access.permissions import Action, Actor, Operator, Role
from app.operations.errors import NotAcceptable, TokenNameTaken, TokenNotFound
from app.operations.models import Line, Moment, Value, check_name

PREFIX = "zrt_"
ADMIN_NAME = "admin-token"
REMEMBERED_SECONDS = 3.0
"""How long a token that was found good is taken without asking the database: so long a revoked one may still work."""
LONGEST_DAYS = 3_650
_MOST_REMEMBERED = 1_000
_RANDOM_BYTES = 32
_USE_NOTED_EVERY = timedelta(minutes=1)


class NewToken(Value):
    """What a new token is made of."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(max_length=100, examples=["suzuki"])]
    """Who will use it: letters of any script, digits, `.`, `_` and `-`; unique among the tokens that are not revoked."""
    role: Role
    expires_days: Annotated[
        float | None, Field(gt=0, le=LONGEST_DAYS, allow_inf_nan=False, examples=[90])
    ] = None
    """After how many days the token ceases to work; left out: never."""


class Token(Value):
    """A token of an operator, without the token itself."""

    name: Annotated[str, Field(examples=["suzuki"])]
    role: Role
    created_at: Moment
    last_used_at: Moment | None
    """When it was last used, to the minute."""
    expires_at: Moment | None
    """When it ceases to work; None for never."""


class TokenWithSecret(Token):
    """A new token, which is shown this once."""

    token: Annotated[str, Field(examples=["zrt_2QnNqSxSyKj0mXy2Yb1n7o0cQ3mJ5rY8w9E4a6Tt1hU"])]


class TokenList(Value):
    """The tokens that are not revoked."""

    items: list[Token]


async def create_token(
    sessions: Sessions, new: NewToken, actor: Actor, once: Once | None = None
) -> TokenWithSecret:
    """Make a token and show it this once. Raises NotAcceptable, TokenNameTaken, NotAllowed, KeyReused."""
    check_name(new.name)
    if new.name == ADMIN_NAME:
        raise NotAcceptable("name", "This name stands for RELAY_ADMIN_TOKEN.")
    async with sessions.begin() as session:
        if once and (earlier := await once.earlier(session, actor)):
            return TokenWithSecret.model_validate_json(earlier)
        created = await _insert(session, new)
        await write_entry(
            session,
            actor,
            Action.TOKEN_CREATED,
            f"token:{new.name}",
            role=new.role,
            expires_days=new.expires_days,
        )
        if once:
            await once.keep(session, actor, created.model_dump_json())
    return created


async def list_tokens(sessions: Sessions) -> TokenList:
    """The tokens that are not revoked, by name; expired ones are among them."""
    query = (
        select(OperatorTokenRow)
        .where(OperatorTokenRow.revoked_at.is_(None))
        .order_by(OperatorTokenRow.name)
    )
    async with sessions() as session:
        return TokenList(items=[Token(**_common(row)) for row in await session.scalars(query)])


async def revoke_token(sessions: Sessions, name: str, actor: Actor) -> None:
    """End a token; within REMEMBERED_SECONDS nobody takes it any more. Raises TokenNotFound, NotAllowed."""
    ended = update(OperatorTokenRow).where(
        OperatorTokenRow.name == name, OperatorTokenRow.revoked_at.is_(None)
    )
    async with sessions.begin() as session:
        if (
            await session.scalar(ended.values(revoked_at=func.now()).returning(OperatorTokenRow.id))
            is None
        ):
            raise TokenNotFound
        await write_entry(session, actor, Action.TOKEN_REVOKED, f"token:{name}")


async def authenticate(sessions: Sessions, token: str) -> Operator | None:
    """Whose token this is, by the database; None for a token that is unknown, expired or revoked. Notes that it was used."""
    if not token.startswith(PREFIX):
        return None
    valid = or_(OperatorTokenRow.expires_at.is_(None), OperatorTokenRow.expires_at > func.now())
    query = select(OperatorTokenRow).where(
        OperatorTokenRow.hash == _hash(token), OperatorTokenRow.revoked_at.is_(None), valid
    )
    async with sessions.begin() as session:
        row = await session.scalar(query)
        if row is None:
            return None
        await _note_use(session, row.id)
    return Operator(row.name, Role(row.role))


class Tokens:
    """Tells whose a token is, RELAY_ADMIN_TOKEN included, and remembers good ones for REMEMBERED_SECONDS."""

    def __init__(self, sessions: Sessions, admin_token: str) -> None:
        self._sessions = sessions
        self._admin_token = admin_token.encode()
        self._remembered: dict[bytes, tuple[Operator, float]] = {}

    async def authenticate(self, token: str) -> Operator | None:
        """The operator who has this token, or None. The admin token is told without the database."""
        raw = token.encode(errors="surrogateescape")
        if hmac.compare_digest(raw, self._admin_token):
            return Operator(ADMIN_NAME, Role.ADMIN)
        key = hashlib.sha256(raw).digest()
        operator, until = self._remembered.get(key, (None, 0.0))
        if operator is not None and time.monotonic() < until:
            return operator
        self._remembered.pop(key, None)
        asked_at = time.monotonic()
        operator = await authenticate(self._sessions, token)
        if operator is not None:
            self._remember(key, operator, asked_at + REMEMBERED_SECONDS)
        return operator

    def _remember(self, key: bytes, operator: Operator, until: float) -> None:
        if len(self._remembered) >= _MOST_REMEMBERED:
            self._remembered.clear()
        self._remembered[key] = (operator, until)


async def _insert(session: AsyncSession, new: NewToken) -> TokenWithSecret:
    token = PREFIX + secrets.token_urlsafe(_RANDOM_BYTES)
    statement = (
        insert(OperatorTokenRow)
        .values(
            id=uuid7(), name=new.name, role=new.role, hash=_hash(token), expires_at=_expiry(new)
        )
        .on_conflict_do_nothing(
            index_elements=[OperatorTokenRow.name], index_where=text("revoked_at IS NULL")
        )
        .returning(OperatorTokenRow)
    )
    row = await session.scalar(statement)
    if row is None:
        raise TokenNameTaken
    return TokenWithSecret(**_common(row), token=token)


def _expiry(new: NewToken) -> datetime | None:
    return None if new.expires_days is None else now() + timedelta(days=new.expires_days)


async def _note_use(session: AsyncSession, token_id: UUID) -> None:
    noted = OperatorTokenRow.last_used_at
    stale = or_(noted.is_(None), noted < func.now() - _USE_NOTED_EVERY)
    await session.execute(
        update(OperatorTokenRow)
        .where(OperatorTokenRow.id == token_id, stale)
        .values(last_used_at=func.now())
    )


def _hash(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="surrogateescape")).digest()


def _common(row: OperatorTokenRow) -> dict[str, Any]:
    return {field: getattr(row, field) for field in Token.model_fields}
