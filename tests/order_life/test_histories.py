"""Random histories of several related orders: what must hold, whatever happens to them."""

import json
import random
import re
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations
from typing import Any
from uuid import UUID

import pytest

from app.judging.policy import Policy
from app.order_life.order_state import KnownOrder
from app.order_life.relatives import PAID, Purchase, purchase_of
from app.order_life.release import ReleaseOn
from app.order_life.reviews import HOLDING, Review, Settlement
from app.zeus.statuses import Status
from tests.event_schemas import faults_of
from tests.judging.applied_setup import KEYS, application
from tests.order_life.shop import Shop

ORDERS = ("A", "B", "C", "D")
SEEDS = range(300)
STEPS = 25


APPLICATIONS = [
    application(id=UUID(int=1), money=5400, sendid="S", pay_cvs="D001"),
    application(id=UUID(int=2), money=5400, sendid="S", pay_cvs="D001", test=True),
    application(id=UUID(int=3), money=4500, sendid=None, pay_cvs="D001", is_replaced=True),
    application(
        id=UUID(int=4), money=5400, sendid="S", pay_cvs="D001", state="accepted", order_no="D"
    ),
]
SENDPOINTS = [
    *(one.sendpoint for one in APPLICATIONS),
    *("", "ref-7", "z1" + 44 * "A", application(id=UUID(int=5)).sendpoint),
]
APPLYING = Policy(references=KEYS, applies=True)


def random_call(chance: random.Random) -> dict[str, str]:
    """Return a call of one of a few orders; most belong to one purchase and agree."""
    usual = chance.random() < 0.8
    return {
        "order_no": chance.choice(ORDERS),
        "status": chance.choice([*Status, Status.PAID, Status.CONFIRMED, Status.REVERSED]),
        "clientip": "2012000001",
        "money": "5400" if usual else chance.choice(["4500", "5,400", ""]),
        "sendid": "S" if chance.random() < 0.9 else chance.choice(["T", ""]),
        "sendpoint": chance.choice(SENDPOINTS) if chance.random() < 0.4 else "",
    }


class History:
    """One random history, checked after every step."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)
        release_on = self.chance.choice(list(ReleaseOn))
        unwanted = ["S"] if self.chance.random() < 0.1 else []
        policy = replace(APPLYING, release_on=release_on)
        self.shop = Shop(policy, unwanted, APPLICATIONS if seed % 2 else ())
        self.settled: list[Review] = []
        self.both_paid: set[tuple[str, ...]] = set()
        self.moved: set[str] = set()
        self.paid_twice: Counter[tuple[str, ...]] = Counter()

    def step(self) -> None:
        """Let one thing happen, then all second looks that it makes due."""
        orders = list(self.shop.orders.values())
        happen = self.chance.choices(
            [self._call, self._decide, self._wait], weights=[8, 2, 1 if orders else 0]
        )[0]
        happen()
        self.shop.recheck()
        self._check_pairs()

    def _call(self) -> None:
        before = {order_no: _belongs(one) for order_no, one in self.shop.orders.items()}
        self.shop.call(random_call(self.chance))
        after = self.shop.orders
        self.moved |= {one for one in before if _belongs(after[one]) != before[one]}

    def _decide(self) -> None:
        open_reviews = [one for order in self.shop.orders.values() for one in order.reviews]
        if open_reviews:
            review = self.chance.choice(open_reviews)
            self.shop.settle(review, self.chance.choice(list(Settlement)))
        elif self.shop.orders:
            self.shop.reject(self.chance.choice(list(self.shop.orders)))

    def _wait(self) -> None:
        order = self.chance.choice(list(self.shop.orders.values()))
        status = order.current_status
        if status is Status.ACCEPTED and not order.presumed:
            self.shop.presume(order.order_no)
        elif status.payable and not status.final and order.overdue_cycle != order.cycle:
            self.shop.find_overdue(order.order_no)

    def _check_pairs(self) -> None:
        """Compare new reviews `paid_twice` with the pairs that are paid since this step."""
        now: set[tuple[str, ...]] = {
            (first.order_no, second.order_no)
            for first, second in self._pairs()
            if _is_paid(first) and _is_paid(second)
        }
        opened = Counter(
            tuple(sorted((str(row["order_no"]), str(row["related_order_no"]))))
            for row in self.shop.outcome.opened
            if row["reason"] == "paid_twice"
        )
        assert Counter(now - self.both_paid) == opened - self.paid_twice
        assert now >= {pair for pair in self._open_pairs() if not self.moved & set(pair)}
        self.both_paid, self.paid_twice = now, opened

    def _pairs(self) -> Iterator[tuple[KnownOrder, KnownOrder]]:
        orders = sorted(self.shop.orders.values(), key=lambda order: order.order_no)
        for first, second in combinations(orders, 2):
            pairs = zip(_belongs(first), _belongs(second), strict=True)
            if any(one is not None and one == other for one, other in pairs):
                yield first, second

    def _open_pairs(self) -> set[tuple[str, ...]]:
        return {
            tuple(sorted((order.order_no, str(review.related_order_no))))
            for order in self.shop.orders.values()
            for review in order.reviews
            if review.reason == "paid_twice"
        }


def _belongs(order: KnownOrder) -> tuple[Purchase | None, UUID | None]:
    """Return the purchase and the application of an order."""
    return purchase_of(order.values), order.application_id


def _is_paid(order: KnownOrder) -> bool:
    return order.state in PAID


@pytest.mark.parametrize("seed", SEEDS)
def test_what_holds_in_every_history(seed: int) -> None:
    history = History(seed)
    for _ in range(STEPS):
        history.step()
    events = history.shop.outcome.events
    keys = [row["key"] for row in history.shop.outcome.opened if row["key"]]
    assert len(keys) == len(set(keys)), "a key is stored once, so the second review would be lost"
    check_sequences(events)
    check_releases(events)
    check_reviews(events)
    assert [] == [fault for body in history.shop.bodies() for fault in faults_of(body)]


def check_sequences(events: list[dict[str, Any]]) -> None:
    """Check that the events of each order are numbered from 1 without gaps."""
    found = defaultdict(list)
    for event in events:
        found[event["order_no"]].append(event["sequence"])
    assert all(numbers == list(range(1, len(numbers) + 1)) for numbers in found.values())


def check_releases(events: list[dict[str, Any]]) -> None:
    """Check that goods go once in a cycle, only if paid and not held, and come back once."""
    held: dict[str, set[str]] = defaultdict(set)
    decided, released, revoked = set(), [], []
    for event in events:
        order_no, review = event["order_no"], event["data"].get("review", {})
        this = (order_no, event["cycle"])
        match event["type"]:
            case "review.required" if review["reason"] in HOLDING:
                held[order_no].add(review["id"])
            case "review.settled":
                held[order_no].discard(review["id"])
                if review["settlement"] == "hold" and review["reason"] in HOLDING:
                    decided.add(this)
            case "order.released":
                assert not held[order_no]
                assert this not in decided
                released.append(this)
            case "order.release_revoked":
                assert this in released
                revoked.append(this)
    assert len(released) == len(set(released))
    assert len(revoked) == len(set(revoked))


def check_reviews(events: list[dict[str, Any]]) -> None:
    """Check that every review opens once and ends at most once."""
    told: dict[str, list[str]] = {"review.required": [], "review.settled": []}
    for event in events:
        if event["type"] in told:
            told[event["type"]].append(event["data"]["review"]["id"])
    assert all(len(ids) == len(set(ids)) for ids in told.values())
    assert set(told["review.settled"]) <= set(told["review.required"])


@pytest.mark.parametrize("seed", SEEDS)
def test_batches_change_nothing(seed: int) -> None:
    chance = random.Random(seed)
    calls = [random_call(chance) for _ in range(STEPS)]
    policy = replace(APPLYING, require_reference=seed % 5 == 0)
    at_once, one_by_one, in_parts = (Shop(policy, (), APPLICATIONS) for _ in range(3))
    at_once.call(*calls)
    for call in calls:
        one_by_one.call(call)
    rest = calls
    while rest:
        size = chance.randint(1, 6)
        in_parts.call(*rest[:size])
        rest = rest[size:]
    assert told(at_once) == told(one_by_one) == told(in_parts)
    assert at_once.applications == one_by_one.applications == in_parts.applications


def told(shop: Shop) -> list[str]:
    """Return all verdicts, events and reviews in words, with ids by order of appearance."""
    ids: dict[str, str] = {}
    outcome = shop.outcome
    rows = [outcome.verdicts, outcome.events, outcome.opened, outcome.settled]
    lines = [json.dumps(row, default=str, ensure_ascii=False) for part in rows for row in part]
    return [
        re.sub(
            r"[0-9a-f]{8}-[0-9a-f-]{27}",
            lambda found: ids.setdefault(found[0], f"id {len(ids)}"),
            line,
        )
        for line in lines
    ]
