"""A new key takes the place of an old one: everything that is sealed opens with the new one alone, and webhooks go on verifying."""

from cryptography.fernet import Fernet

from app.crypto.vault import Vault
from app.forwarding.destinations.connection_options import connection_options_of
from app.operations.access.idempotency import Once
from app.operations.maintenance.reseal import reseal
from app.operations.subscribers.rotation import Rotation, rotate_secret
from tests.forwarding.delivery_setup import KEY
from tests.operations.operations_setup import ADMIN, OperationsSetup
from tests.subscriber import subscriber

NEW_KEY = Fernet.generate_key().decode()


async def test_everything_opens_with_the_new_key_alone(world: OperationsSetup) -> None:
    first = await world.add("shop", headers={"authorization": "Bearer abc"})
    await world.add("asymmetric", asymmetric=True)
    second = await rotate_secret(world.sessions, world.vault, "shop", Rotation(), ADMIN)
    async with world.sessions.begin() as session:
        await Once("key", b"hash", world.vault).keep(session, ADMIN, "an answer")
    done = await reseal(world.sessions, Vault([NEW_KEY, KEY]), ADMIN)
    assert (3, 1, 1, []) == (done.secrets, done.transports, done.answers, done.unopened)
    only_new = Vault([NEW_KEY])
    secrets = [
        only_new.open(row.sealed)
        for row in await world.rows("SELECT sealed FROM subscriber_secrets ORDER BY created_at, id")
    ]
    assert [first.secret, second.secret] == [secrets[0], secrets[2]]
    assert secrets[1].startswith("whsk_")
    (row,) = await world.rows("SELECT sealed_transport FROM subscribers WHERE name = 'shop'")
    assert (("authorization", "Bearer abc"),) == connection_options_of(
        only_new.open(row.sealed_transport)
    ).headers
    assert ["an answer"] == [
        only_new.open(row.sealed)
        for row in await world.rows("SELECT sealed FROM idempotent_answers")
    ]


async def test_a_worker_with_the_new_key_alone_signs_as_before(world: OperationsSetup) -> None:
    secret = "whsec_" + "A" * 32
    async with subscriber(secret) as merchant:
        await world.add("shop", merchant.url, secret=secret)
        await reseal(world.sessions, Vault([NEW_KEY, KEY]), ADMIN)
        later = OperationsSetup(world.sessions, world.url, Vault([NEW_KEY]))
        async with later.forwarder():
            await later.judged("01")
            await merchant.wait_for(1)


async def test_what_no_key_opens_is_named_and_left(world: OperationsSetup) -> None:
    await world.add("shop", headers={"x-shop": "1"})
    lost = OperationsSetup(world.sessions, world.url, Vault([Fernet.generate_key().decode()]))
    await lost.add("lost")
    before = await world.rows("SELECT sealed FROM subscriber_secrets ORDER BY id DESC LIMIT 1")
    done = await reseal(world.sessions, Vault([NEW_KEY, KEY]), ADMIN)
    assert (1, 1, ["lost"]) == (done.secrets, done.transports, done.unopened)
    assert before == await world.rows(
        "SELECT sealed FROM subscriber_secrets ORDER BY id DESC LIMIT 1"
    )
