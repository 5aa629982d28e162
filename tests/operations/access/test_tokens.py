"""Tokens of operators: made once, kept as a hash, ended by time and by hand."""

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
    world: OperationsSetup,
    name: str = "kato",
    role: Role = Role.VIEWER,
    expires_days: float | None = None,
) -> str:
    return (
        await create_token(
            world.sessions, NewToken(name=name, role=role, expires_days=expires_days), ADMIN
        )
    ).token


async def test_a_token_has_256_random_bits_and_is_kept_as_a_hash(world: OperationsSetup) -> None:
    first, second = await _token(world, "a"), await _token(world, "b")
    assert re.fullmatch(r"zrt_[0-9A-Za-z_-]{43}", first)
    assert first != second
    rows = await world.rows("SELECT *, encode(hash, 'hex') AS hex FROM operator_tokens")
    assert [] == [row for row in rows if first[4:] in str(row) or len(row.hash) != 32]
    assert Operator("a", Role.VIEWER) == await authenticate(world.sessions, first)


async def test_only_the_whole_token_is_one(world: OperationsSetup) -> None:
    token = await _token(world)
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
        assert await authenticate(world.sessions, wrong) is None


async def test_the_admin_token_needs_no_database(world: OperationsSetup) -> None:
    engine = make_engine("postgresql://relay@127.0.0.1:1/relay")
    tokens = Tokens(make_sessions(engine), ADMIN_TOKEN)
    assert Operator("admin-token", Role.ADMIN) == await tokens.authenticate(ADMIN_TOKEN)
    assert await tokens.authenticate(ADMIN_TOKEN + "x") is None
    with pytest.raises(OSError):
        await tokens.authenticate("zrt_x")
    await engine.dispose()


async def test_a_token_ends_when_its_time_has_come(world: OperationsSetup) -> None:
    token = await _token(world, expires_days=90)
    (listed,) = (await list_tokens(world.sessions)).items
    assert listed.expires_at is not None
    assert timedelta(days=89) < listed.expires_at - now() <= timedelta(days=90)
    assert await authenticate(world.sessions, token)
    await world.run("UPDATE operator_tokens SET expires_at = now() - interval '1 second'")
    assert await authenticate(world.sessions, token) is None
    assert 1 == len((await list_tokens(world.sessions)).items)


async def test_a_revoked_token_is_remembered_for_a_few_seconds_at_most(
    world: OperationsSetup,
) -> None:
    tokens = Tokens(world.sessions, ADMIN_TOKEN)
    token = await _token(world)
    assert Operator("kato", Role.VIEWER) == await tokens.authenticate(token)
    await revoke_token(world.sessions, "kato", ADMIN)
    assert await authenticate(world.sessions, token) is None
    assert [] == (await list_tokens(world.sessions)).items
    await asyncio.sleep(REMEMBERED_SECONDS + 0.05)
    assert await tokens.authenticate(token) is None


async def test_a_good_token_is_asked_for_once_in_a_while(world: OperationsSetup) -> None:
    tokens = Tokens(world.sessions, ADMIN_TOKEN)
    token = await _token(world)
    await tokens.authenticate(token)
    await world.run("DELETE FROM operator_tokens")  # what is remembered needs no row
    assert Operator("kato", Role.VIEWER) == await tokens.authenticate(token)


async def test_when_a_token_was_used_is_noted_to_the_minute(world: OperationsSetup) -> None:
    token = await _token(world)
    noted = "SELECT last_used_at FROM operator_tokens"
    assert (None,) == (await world.rows(noted))[0]
    await authenticate(world.sessions, token)
    (first,) = await world.rows(noted)
    await authenticate(world.sessions, token)
    assert [first] == await world.rows(noted)
    await world.run("UPDATE operator_tokens SET last_used_at = now() - interval '61 seconds'")
    await authenticate(world.sessions, token)
    assert first.last_used_at <= (await world.rows(noted))[0].last_used_at


async def test_a_name_is_used_once_until_it_is_revoked(world: OperationsSetup) -> None:
    old = await _token(world)
    with pytest.raises(TokenNameTaken):
        await _token(world)
    await revoke_token(world.sessions, "kato", ADMIN)
    with pytest.raises(TokenNotFound):
        await revoke_token(world.sessions, "kato", ADMIN)
    new = await _token(world, role=Role.OPERATOR)
    assert (None, Operator("kato", Role.OPERATOR)) == (
        await authenticate(world.sessions, old),
        await authenticate(world.sessions, new),
    )


@pytest.mark.parametrize("name", ["admin-token", "a b", "", "-x"])
async def test_some_names_are_none(world: OperationsSetup, name: str) -> None:
    with pytest.raises(NotAcceptable):
        await _token(world, name)


async def test_only_admins_make_and_revoke_tokens(world: OperationsSetup) -> None:
    await _token(world)
    for actor in (VIEWER, OPERATOR):
        with pytest.raises(NotAllowed):
            await create_token(world.sessions, NewToken(name="mine", role=Role.ADMIN), actor)
        with pytest.raises(NotAllowed):
            await revoke_token(world.sessions, "kato", actor)
    assert ["kato"] == [token.name for token in (await list_tokens(world.sessions)).items]
