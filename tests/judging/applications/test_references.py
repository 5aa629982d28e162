"""Forged and true calls: everything that is altered or invented is told, every true call passes."""

import random
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from app.crypto.reference import ReferenceKeys, is_reference
from app.judging.policy import Policy
from app.order_life.applied import AppliedFor
from app.zeus.parameters import PARAMETERS
from tests.judging.applied_setup import FixedKeys, application
from tests.order_life.shop import FULL, Shop, with_status

ALPHABET = "0123456789ABCXYZabcxyz-_\\#$%^~`@[],/*?+="
OUR_IP_CODE = "2012000001"
ROTATIONS = 4
SEEDS = range(60)


def rotations(chance: random.Random) -> list[FixedKeys]:
    """Return the keys of a relay after each rotation: the newest signs, the older ones count."""
    keys: list[bytes] = []
    found = []
    for _ in range(ROTATIONS):
        keys = [chance.randbytes(32), *keys]
        found.append(FixedKeys(keys))
    return found


def random_application(chance: random.Random, keys: ReferenceKeys) -> AppliedFor:
    return application(
        keys,
        money=chance.randint(200, 299_999),
        pay_cvs=chance.choice(["D001", "D002", "D030"]),
        sendid="".join(chance.choices(ALPHABET, k=chance.randint(1, 25))),
        test=chance.random() < 0.3,
    )


def true_call(applied: AppliedFor, status: str, order_no: str, **values: str) -> dict[str, str]:
    """Return a call that repeats what was applied for."""
    echoed = {
        "clientip": applied.clientip,
        "money": str(applied.money),
        "pay_cvs": applied.pay_cvs,
        "sendid": applied.sendid or "",
        "sendpoint": applied.sendpoint,
    }
    return with_status(status, order_no=order_no, **(echoed | values))


def altered(chance: random.Random, text: str) -> str:
    """Return another text: one character is changed, added or left out, or two are exchanged."""
    while True:
        place = chance.randrange(len(text))
        other = chance.choice(ALPHABET)
        begin, character, rest = text[:place], text[place], text[place + 1 :]
        found = chance.choice(
            [
                begin + other + rest,
                begin + other + character + rest,
                begin + rest,
                begin + rest[:1] + character + rest[1:],
            ]
        )
        if found and found != text:
            return found


def altered_money(chance: random.Random, money: int) -> str:
    while True:
        other = chance.choice([money + 1, money - 1, money * 10, chance.randint(1, 999_999)])
        if other not in (money, 0):
            return str(other)


def told(shop: Shop) -> list[str]:
    return [str(row["reason"]) for row in shop.outcome.opened]


def histories(seed: int) -> Iterator[tuple[random.Random, Shop, AppliedFor]]:
    """Yield shops with one application each, made and judged at different times of the keys."""
    chance = random.Random(seed)
    keys = rotations(chance)
    for made_at in range(ROTATIONS):
        for judged_at in range(made_at, ROTATIONS):
            applied = random_application(chance, keys[made_at])
            policy = Policy([OUR_IP_CODE], references=keys[judged_at], applies=True)
            yield chance, Shop(policy, applications=[applied]), applied


@pytest.mark.parametrize("seed", SEEDS)
def test_every_true_call_passes(seed: int) -> None:
    for chance, shop, applied in histories(seed):
        optional = [one.name for one in PARAMETERS if one.name not in ("order_no", "status")]
        without = chance.sample(optional, chance.randint(0, 3))
        for status in ("01", "04", "05"):
            call = true_call(applied, status, "1")
            shop.call({name: value for name, value in call.items() if name not in without})
        assert {"accepted"} == {row["verdict"] for row in shop.outcome.verdicts}
        assert [] == told(shop)
        if "sendpoint" not in without:
            assert {(str(applied.id), applied.test)} == {
                (body["data"]["application_id"], body["data"]["test"]) for body in shop.bodies()
            }


@pytest.mark.parametrize("seed", SEEDS)
def test_every_altered_value_is_told(seed: int) -> None:
    for chance, shop, applied in histories(seed):
        name = chance.choice(["money", "sendid", "sendpoint"])
        other = {
            "money": altered_money(chance, applied.money),
            "sendid": altered(chance, applied.sendid or ""),
            "sendpoint": altered(chance, applied.sendpoint),
        }[name]
        statuses = ["01", "04", "05"][chance.randrange(3) :]
        if name == "sendpoint" and not is_reference(other):
            # Without the form of a reference, only what is known of the order shows it.
            shop.call(true_call(applied, "01", "1"))
            statuses = ["04"]
        for status in statuses:
            shop.call(true_call(applied, status, "1", **{name: other}))
        expected = {"money": "amount_differs", "sendid": "values_differ"}.get(
            name, "reference_forged" if is_reference(other) else "values_differ"
        )
        assert expected in told(shop), (name, other, applied)
        assert "order.released" not in shop.events


@pytest.mark.parametrize("seed", SEEDS)
def test_every_invented_reference_is_told(seed: int) -> None:
    chance = random.Random(seed)
    keys = rotations(chance)
    stranger = FixedKeys([chance.randbytes(32)])
    applied = random_application(chance, keys[-1])
    forged = [
        stranger.make(applied.id, OUR_IP_CODE),
        keys[-1].make(applied.id, "2012000002"),
        "z1" + "".join(chance.choices("0123456789ABCabc-_", k=44)),
        application(stranger).sendpoint,
    ]
    for sendpoint in forged:
        shop = Shop(Policy([OUR_IP_CODE], references=keys[-1]), applications=[applied])
        shop.call(true_call(applied, "01", "1", sendpoint=sendpoint))
        shop.call(true_call(applied, "05", "1", sendpoint=sendpoint, clientip=""))
        assert {"quarantined"} == {row["verdict"] for row in shop.outcome.verdicts}
        assert ["reference_forged"] * 2 == told(shop)
        assert [] == shop.events
        assert applied == shop.applications.by_id[applied.id]


@pytest.mark.parametrize("seed", SEEDS)
def test_a_reference_of_another_purchase_is_told(seed: int) -> None:
    """Someone who knows one true call cannot use its reference for something else unseen."""
    for chance, shop, applied in histories(seed):
        other = replace(random_application(chance, ReferenceKeys([b"x" * 32])), id=applied.id)
        call = {**true_call(other, "05", "9"), "sendpoint": applied.sendpoint}
        shop.call(call)
        assert {"values_differ", "amount_differs"} & {*told(shop)}
        assert "order.released" not in shop.events


def test_what_is_required_is_told_if_it_is_missing() -> None:
    chance = random.Random(7)
    keys = rotations(chance)[-1]
    policy = Policy([OUR_IP_CODE], references=keys, require_reference=True)
    for _ in range(100):
        applied = random_application(chance, keys)
        shop = Shop(policy, applications=[applied])
        other: Any = chance.choice(["", "A-1", altered(chance, applied.sendpoint)])
        shop.call(true_call(applied, "05", "1", sendpoint=other))
        assert {"quarantined"} == {row["verdict"] for row in shop.outcome.verdicts}
    assert FULL["sendpoint"]
