"""Kept keys of references: rotation, the time for which old ones count, and their seals."""

from datetime import timedelta

from sqlalchemy import text

from app.applications.reference_keys import KNOWN_FOR, StoredReferenceKeys, prune_reference_keys
from app.clock import uuid7
from app.crypto.reference import ReferenceKeys
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.operations.access.generated_keys import new_key
from app.operations.access.permissions import Actor, Role, Via
from app.operations.maintenance.reseal import reseal
from tests.judging.judging_setup import fetch

CLIENTIP = "2012000001"
ADMIN = Actor("suzuki", Role.ADMIN, Via.API)
OLD, NEW = new_key(), new_key()


async def load(sessions: Sessions, *secret_keys: str) -> StoredReferenceKeys:
    return await StoredReferenceKeys.load(sessions, Vault(secret_keys), secret_keys)


async def age(sessions: Sessions, days: float) -> None:
    async with sessions.begin() as session:
        await session.execute(
            text("UPDATE reference_keys SET retired_at = retired_at - CAST(:age AS interval)"),
            {"age": timedelta(days=days)},
        )


def reference_of(keys: ReferenceKeys) -> str:
    return keys.make(uuid7(), CLIENTIP)


async def test_the_first_key_signs_and_every_key_is_known(sessions: Sessions) -> None:
    before = reference_of(await load(sessions, OLD))
    keys = await load(sessions, NEW, OLD)
    after = reference_of(keys)
    assert ReferenceKeys.derived_from([NEW]).signed(after, CLIENTIP)
    assert [True, True] == [keys.signed(one, CLIENTIP) for one in (before, after)]


async def test_keys_are_kept_sealed(sessions: Sessions) -> None:
    await load(sessions, OLD)
    [sealed] = await fetch(sessions, "SELECT sealed FROM reference_keys")
    assert Vault([OLD]).open(bytes(sealed))
    assert OLD.encode() not in bytes(sealed)


async def test_a_start_with_the_same_keys_changes_nothing(sessions: Sessions) -> None:
    await load(sessions, NEW, OLD)
    before = await fetch(sessions, "SELECT * FROM reference_keys ORDER BY fingerprint")
    await load(sessions, NEW, OLD)
    assert before == await fetch(sessions, "SELECT * FROM reference_keys ORDER BY fingerprint")


async def test_a_key_is_known_for_120_days_after_its_rotation(sessions: Sessions) -> None:
    before = reference_of(await load(sessions, OLD))
    await load(sessions, NEW, OLD)
    await reseal(sessions, Vault([NEW, OLD]), ADMIN)
    assert (await load(sessions, NEW)).signed(before, CLIENTIP)
    await age(sessions, 119)
    assert (await load(sessions, NEW)).signed(before, CLIENTIP)
    await age(sessions, 2)
    assert not (await load(sessions, NEW)).signed(before, CLIENTIP)


async def test_a_key_that_returns_signs_again(sessions: Sessions) -> None:
    await load(sessions, OLD)
    await load(sessions, NEW, OLD)
    await load(sessions, OLD, NEW)
    assert [True, False] == await fetch(
        sessions, "SELECT retired_at IS NULL FROM reference_keys ORDER BY retired_at NULLS FIRST"
    )
    assert (await load(sessions, OLD)).signed(
        ReferenceKeys.derived_from([OLD]).make(uuid7(), CLIENTIP), CLIENTIP
    )


async def test_a_key_that_is_configured_counts_however_old_it_is(sessions: Sessions) -> None:
    before = reference_of(await load(sessions, OLD))
    await load(sessions, NEW, OLD)
    await age(sessions, 500)
    assert (await load(sessions, NEW, OLD)).signed(before, CLIENTIP)


async def test_a_key_without_its_seal_is_unknown_but_stops_nothing(sessions: Sessions) -> None:
    before = reference_of(await load(sessions, OLD))
    keys = await load(sessions, NEW)
    assert not keys.signed(before, CLIENTIP)
    assert keys.signed(reference_of(keys), CLIENTIP)


async def test_resealing_counts_the_keys(sessions: Sessions) -> None:
    await load(sessions, OLD)
    await load(sessions, NEW, OLD)
    done = await reseal(sessions, Vault([NEW, OLD]), ADMIN)
    assert 2 == done.reference_keys
    for sealed in await fetch(sessions, "SELECT sealed FROM reference_keys"):
        Vault([NEW]).open(bytes(sealed))
    assert 0 == (await reseal(sessions, Vault([new_key()]), ADMIN)).reference_keys


async def test_pruning_deletes_only_what_counts_no_longer(sessions: Sessions) -> None:
    await load(sessions, OLD)
    await load(sessions, NEW, OLD)
    assert 0 == await prune_reference_keys(sessions)
    await age(sessions, KNOWN_FOR.days + 1)
    assert 1 == await prune_reference_keys(sessions)
    assert [None] == await fetch(sessions, "SELECT retired_at FROM reference_keys")


async def test_processes_that_start_together_keep_one_row_for_a_key(sessions: Sessions) -> None:
    import asyncio

    await asyncio.gather(*(load(sessions, NEW, OLD) for _ in range(5)))
    assert [(2,)] == [(n,) for n in await fetch(sessions, "SELECT count(*) FROM reference_keys")]
