"""Re-encryption: afterwards the new key alone opens every sealed value, and signatures verify."""

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


async def test_the_new_key_alone_opens_everything(setup: OperationsSetup) -> None:
    first = await setup.add("shop", headers={"authorization": "Bearer abc"})
    await setup.add("asymmetric", asymmetric=True)
    second = await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(), ADMIN)
    async with setup.sessions.begin() as session:
        await Once("key", b"hash", setup.vault).keep(session, ADMIN, "an answer")
    done = await reseal(setup.sessions, Vault([NEW_KEY, KEY]), ADMIN)
    assert (3, 1, 1, []) == (done.secrets, done.transports, done.answers, done.unopened)
    only_new = Vault([NEW_KEY])
    secrets = [
        only_new.open(row.sealed)
        for row in await setup.rows("SELECT sealed FROM subscriber_secrets ORDER BY created_at, id")
    ]
    assert [first.secret, second.secret] == [secrets[0], secrets[2]]
    assert secrets[1].startswith("whsk_")
    (row,) = await setup.rows("SELECT sealed_transport FROM subscribers WHERE name = 'shop'")
    assert (("authorization", "Bearer abc"),) == connection_options_of(
        only_new.open(row.sealed_transport)
    ).headers
    assert ["an answer"] == [
        only_new.open(row.sealed)
        for row in await setup.rows("SELECT sealed FROM idempotent_answers")
    ]


async def test_a_worker_with_only_the_new_key_signs_as_before(setup: OperationsSetup) -> None:
    secret = "whsec_" + "A" * 32
    async with subscriber(secret) as merchant:
        await setup.add("shop", merchant.url, secret=secret)
        await reseal(setup.sessions, Vault([NEW_KEY, KEY]), ADMIN)
        later = OperationsSetup(setup.sessions, setup.url, Vault([NEW_KEY]))
        async with later.forwarder():
            await later.judged("01")
            await merchant.wait_for(1)


async def test_a_value_that_no_key_opens_is_named_and_stays(setup: OperationsSetup) -> None:
    await setup.add("shop", headers={"x-shop": "1"})
    lost = OperationsSetup(setup.sessions, setup.url, Vault([Fernet.generate_key().decode()]))
    await lost.add("lost")
    before = await setup.rows("SELECT sealed FROM subscriber_secrets ORDER BY id DESC LIMIT 1")
    done = await reseal(setup.sessions, Vault([NEW_KEY, KEY]), ADMIN)
    assert (1, 1, ["lost"]) == (done.secrets, done.transports, done.unopened)
    assert before == await setup.rows(
        "SELECT sealed FROM subscriber_secrets ORDER BY id DESC LIMIT 1"
    )
