"""Operators' tokens: create, list, revoke, authenticate."""

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
"""Seconds for which a valid token is cached. A revoked token may work that much longer."""
LONGEST_DAYS = 3_650
_MOST_REMEMBERED = 1_000
_RANDOM_BYTES = 32
_USE_NOTED_EVERY = timedelta(minutes=1)


class NewToken(Value):
    """Values of a new token."""

    model_config = ConfigDict(extra="forbid")

    name: Annotated[Line, Field(max_length=100, examples=["suzuki"])]
    """Name of its user: letters of any script, digits, `.`, `_` and `-`.

    It is unique among the tokens that are not revoked.
    """
    role: Role
    expires_days: Annotated[
        float | None, Field(gt=0, le=LONGEST_DAYS, allow_inf_nan=False, examples=[90])
    ] = None
    """Days until the token expires; missing: it does not expire."""


class Token(Value):
    """Token of an operator, without the secret."""

    name: Annotated[str, Field(examples=["suzuki"])]
    role: Role
    created_at: Moment
    last_used_at: Moment | None
    """Time of its last use, exact to the minute."""
    expires_at: Moment | None
    """Time at which it expires; None if it does not expire."""


class TokenWithSecret(Token):
    """New token with its secret, which is shown only once."""

    token: Annotated[str, Field(examples=["zrt_2QnNqSxSyKj0mXy2Yb1n7o0cQ3mJ5rY8w9E4a6Tt1hU"])]


class TokenList(Value):
    """Tokens that are not revoked."""

    items: list[Token]


async def create_token(
    sessions: Sessions, new: NewToken, actor: Actor, once: Once | None = None
) -> TokenWithSecret:
    """Create a token and return it with its secret.

    Raise NotAcceptable, TokenNameTaken, NotAllowed or KeyReused.
    """
    check_name(new.name)
    if new.name == ADMIN_NAME:
        raise NotAcceptable("name", "This name is reserved for RELAY_ADMIN_TOKEN.")
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
    """Return the tokens that are not revoked, by name, including expired ones."""
    query = (
        select(OperatorTokenRow)
        .where(OperatorTokenRow.revoked_at.is_(None))
        .order_by(OperatorTokenRow.name)
    )
    async with sessions() as session:
        return TokenList(items=[Token(**_common(row)) for row in await session.scalars(query)])


async def revoke_token(sessions: Sessions, name: str, actor: Actor) -> None:
    """Revoke a token. After REMEMBERED_SECONDS no process accepts it.

    Raise TokenNotFound or NotAllowed.
    """
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
    """Return the operator of a token, by the database, and record the use of the token.

    Return None if the token is unknown, expired or revoked.
    """
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
    """Authentication of tokens, with RELAY_ADMIN_TOKEN and a cache of valid tokens."""

    def __init__(self, sessions: Sessions, admin_token: str) -> None:
        self._sessions = sessions
        self._admin_token = admin_token.encode()
        self._remembered: dict[bytes, tuple[Operator, float]] = {}

    async def authenticate(self, token: str) -> Operator | None:
        """Return the operator of this token, or None. The admin token needs no database."""
        raw = token.encode(errors="surrogateescape")
        if hmac.compare_digest(raw, self._admin_token):
            return Operator(ADMIN_NAME, Role.ADMIN)
        key = hashlib.sha256(raw).digest()
        operator, until = self._remembered.get(key, (None, 0.0))
        if operator is not None and time.monotonic() < until:
            return operator
        self._remembered.pop(key, None)
        looked_up_at = time.monotonic()
        operator = await authenticate(self._sessions, token)
        if operator is not None:
            self._remember(key, operator, looked_up_at + REMEMBERED_SECONDS)
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
