"""Tokens of operators: created, stored as a hash, expired and revoked."""

import asyncio
import re
from datetime import timedelta

import pytest

from app.clock import now
from app.db.engine import make_engine, make_sessions
from app.operations.access.permissions import Operator, Role
from app.operations.access.tokens import (
    REMEMBERED_SECONDS,
    NewToken,
    Tokens,
    authenticate,
    create_token,
    list_tokens,
    revoke_token,
)
from app.operations.errors import NotAcceptable, NotAllowed, TokenNameTaken, TokenNotFound
from tests.operations.operations_setup import ADMIN, OPERATOR, VIEWER, OperationsSetup

ADMIN_TOKEN = "for-tests-only-make-your-own"


async def _token(
    setup: OperationsSetup,
    name: str = "kato",
    role: Role = Role.VIEWER,
    expires_days: float | None = None,
) -> str:
    return (
        await create_token(
            setup.sessions, NewToken(name=name, role=role, expires_days=expires_days), ADMIN
        )
    ).token


async def test_a_token_has_256_random_bits_and_is_kept_as_a_hash(setup: OperationsSetup) -> None:
    first, second = await _token(setup, "a"), await _token(setup, "b")
    assert re.fullmatch(r"zrt_[0-9A-Za-z_-]{43}", first)
    assert first != second
    rows = await setup.rows("SELECT *, encode(hash, 'hex') AS hex FROM operator_tokens")
    assert [] == [row for row in rows if first[4:] in str(row) or len(row.hash) != 32]
    assert Operator("a", Role.VIEWER) == await authenticate(setup.sessions, first)


async def test_only_the_complete_token_is_valid(setup: OperationsSetup) -> None:
    token = await _token(setup)
    for wrong in (
        "",
        "zrt_",
        token[:-1],
        token + "x",
        token.upper(),
        token.removeprefix("zrt_"),
        "zrt_\udcff",
        f" {token}",
    ):
        assert await authenticate(setup.sessions, wrong) is None


async def test_the_admin_token_needs_no_database(setup: OperationsSetup) -> None:
    engine = make_engine("postgresql://relay@127.0.0.1:1/relay")
    tokens = Tokens(make_sessions(engine), ADMIN_TOKEN)
    assert Operator("admin-token", Role.ADMIN) == await tokens.authenticate(ADMIN_TOKEN)
    assert await tokens.authenticate(ADMIN_TOKEN + "x") is None
    with pytest.raises(OSError):
        await tokens.authenticate("zrt_x")
    await engine.dispose()


async def test_a_token_expires(setup: OperationsSetup) -> None:
    token = await _token(setup, expires_days=90)
    (listed,) = (await list_tokens(setup.sessions)).items
    assert listed.expires_at is not None
    assert timedelta(days=89) < listed.expires_at - now() <= timedelta(days=90)
    assert await authenticate(setup.sessions, token)
    await setup.run("UPDATE operator_tokens SET expires_at = now() - interval '1 second'")
    assert await authenticate(setup.sessions, token) is None
    assert 1 == len((await list_tokens(setup.sessions)).items)


async def test_a_revoked_token_is_cached_for_a_few_seconds_at_most(
    setup: OperationsSetup,
) -> None:
    tokens = Tokens(setup.sessions, ADMIN_TOKEN)
    token = await _token(setup)
    assert Operator("kato", Role.VIEWER) == await tokens.authenticate(token)
    await revoke_token(setup.sessions, "kato", ADMIN)
    assert await authenticate(setup.sessions, token) is None
    assert [] == (await list_tokens(setup.sessions)).items
    await asyncio.sleep(REMEMBERED_SECONDS + 0.05)
    assert await tokens.authenticate(token) is None


async def test_a_valid_token_is_looked_up_once_per_cache_time(setup: OperationsSetup) -> None:
    tokens = Tokens(setup.sessions, ADMIN_TOKEN)
    token = await _token(setup)
    await tokens.authenticate(token)
    await setup.run("DELETE FROM operator_tokens")  # a cached token needs no row
    assert Operator("kato", Role.VIEWER) == await tokens.authenticate(token)


async def test_the_last_use_of_a_token_is_recorded_to_the_minute(setup: OperationsSetup) -> None:
    token = await _token(setup)
    noted = "SELECT last_used_at FROM operator_tokens"
    assert (None,) == (await setup.rows(noted))[0]
    await authenticate(setup.sessions, token)
    (first,) = await setup.rows(noted)
    await authenticate(setup.sessions, token)
    assert [first] == await setup.rows(noted)
    await setup.run("UPDATE operator_tokens SET last_used_at = now() - interval '61 seconds'")
    await authenticate(setup.sessions, token)
    assert first.last_used_at <= (await setup.rows(noted))[0].last_used_at


async def test_a_name_is_unique_until_its_token_is_revoked(setup: OperationsSetup) -> None:
    old = await _token(setup)
    with pytest.raises(TokenNameTaken):
        await _token(setup)
    await revoke_token(setup.sessions, "kato", ADMIN)
    with pytest.raises(TokenNotFound):
        await revoke_token(setup.sessions, "kato", ADMIN)
    new = await _token(setup, role=Role.OPERATOR)
    assert (None, Operator("kato", Role.OPERATOR)) == (
        await authenticate(setup.sessions, old),
        await authenticate(setup.sessions, new),
    )


@pytest.mark.parametrize("name", ["admin-token", "a b", "", "-x"])
async def test_invalid_names_are_rejected(setup: OperationsSetup, name: str) -> None:
    with pytest.raises(NotAcceptable):
        await _token(setup, name)


async def test_only_admins_create_and_revoke_tokens(setup: OperationsSetup) -> None:
    await _token(setup)
    for actor in (VIEWER, OPERATOR):
        with pytest.raises(NotAllowed):
            await create_token(setup.sessions, NewToken(name="mine", role=Role.ADMIN), actor)
        with pytest.raises(NotAllowed):
            await revoke_token(setup.sessions, "kato", actor)
    assert ["kato"] == [token.name for token in (await list_tokens(setup.sessions)).items]
