"""Invented orders for a simulated Zeus to call about, with their calls."""

import random
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta, timezone
from typing import Final

from app.simulator.player.scenarios import Scenario, Turn
from app.zeus.parameters import PARAMETERS
from app.zeus.stores import STORES
from app.zeus.wire import Style, encode

EXAMPLE_CLIENTIP: Final = "2012000001"
ALL_PARAMETERS: Final = tuple(parameter.name for parameter in PARAMETERS)

_JAPAN = timezone(timedelta(hours=9))
_FAMILY_NAMES = (
    "コンビニ",
    "レジ",
    "ハライコミ",
    "ニュウキン",
    "バンゴウ",
    "ソウゼン",
    "オミセ",
    "ミホン",
)
_GIVEN_NAMES = ("タロウ", "ハナコ", "ジロウ", "ミソラ", "ゼンタロウ", "アヤ", "サンプル", "ローズ")
# Letters, digits and the symbols that the manual allows in sendid and sendpoint.
_FREE_ALPHABET = string.ascii_letters + string.digits + "\\#$%^~`-_@[],/*?+="

# Every order is a purchase of its own; shorter ones might meet.
_SENDID_AT_LEAST = 8


@dataclass(frozen=True, slots=True)
class Contract:
    """Agreement of a merchant with Zeus, as far as the calls show it.

    `clientip` is its IPコード, `parameters` are the names of those that are sent, `style` is their
    escaping.
    """

    clientip: str = EXAMPLE_CLIENTIP
    parameters: Sequence[str] = ALL_PARAMETERS
    style: Style = Style.FULL


@dataclass(frozen=True, slots=True)
class SimulatedCall:
    """One call about an order: the `status` it reports, and its `query` as raw bytes.

    `order_no` names the order that the call is about, also where the query leaves it out.
    """

    order_no: str
    status: str
    query: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class SimulatedOrder:
    """An invented order: its values before any turn changes them, and one call for each turn."""

    scenario: Scenario
    order_no: str
    values: Mapping[str, str] = field(repr=False)
    calls: tuple[SimulatedCall, ...]


def build_orders(
    scenario: Scenario,
    count: int,
    seed: int,
    contract: Contract | None = None,
    today: date | None = None,
) -> list[SimulatedOrder]:
    """Return `count` orders that go through `scenario`; see `build_run`."""
    return build_run((scenario,), count, seed, contract, today)


def build_run(
    scenarios: Sequence[Scenario],
    count: int,
    seed: int,
    contract: Contract | None = None,
    today: date | None = None,
) -> list[SimulatedOrder]:
    """Return `count` orders for each of `scenarios`, each with its own order_no.

    The same arguments give the same orders. `today` is the day in Japan from which deadlines are
    counted (default: now).
    """
    contract = contract or Contract()
    today = today or datetime.now(_JAPAN).date()
    dice = random.Random(seed)  # noqa: S311  invented data, no secrets
    wanted = [scenario for scenario in scenarios for _ in range(count)]
    numbers = dice.sample(range(10**14), len(wanted))
    return [
        _order(scenario, number, dice, contract, today)
        for scenario, number in zip(wanted, numbers, strict=True)
    ]


def _order(
    scenario: Scenario, number: int, dice: random.Random, contract: Contract, today: date
) -> SimulatedOrder:
    digits = f"{number:014}"
    order_no = f"{digits[:4]}-{digits[4:9]}-{digits[9:]}"
    values = _values(order_no, dice, contract.clientip, today)
    return SimulatedOrder(
        scenario,
        order_no,
        values,
        tuple(_call(order_no, turn, values, contract) for turn in scenario.turns),
    )


def _values(order_no: str, dice: random.Random, clientip: str, today: date) -> dict[str, str]:
    store = dice.choice(tuple(STORES.values()))
    two_numbers = store.pay_no2_label is not None
    return {
        "clientip": clientip,
        "money": str(dice.randint(200, 299_999)),
        "username": f"{dice.choice(_FAMILY_NAMES)}　{dice.choice(_GIVEN_NAMES)}",
        "telno": "030" + _digits(dice, dice.randint(6, 8)),
        "email": f"taro{_digits(dice, 6)}@example.com",
        "sendid": _free_text(dice, 25, shortest=_SENDID_AT_LEAST),
        "sendpoint": _free_text(dice, 50),
        "order_no": order_no,
        "pay_cvs": store.code,
        "pay_no1": _digits(dice, 11 if two_numbers else 13),
        "pay_no2": _digits(dice, 5) if two_numbers else "",
        "pay_limit": f"{today + timedelta(days=dice.randint(2, 59)):%Y%m%d}",
        "error_code": "",
    }


def _call(
    order_no: str, turn: Turn, values: Mapping[str, str], contract: Contract
) -> SimulatedCall:
    said = {**values, "status": turn.status, **turn.changes}
    sent = {
        name: said[name]
        for name in ALL_PARAMETERS
        if name in contract.parameters and name not in turn.without
    }
    return SimulatedCall(
        order_no, turn.status, encode(sent, style=turn.style or contract.style) + turn.appended
    )


def _digits(dice: random.Random, length: int) -> str:
    return "".join(dice.choices(string.digits, k=length))


def _free_text(dice: random.Random, longest: int, shortest: int = 0) -> str:
    text = "".join(dice.choices(_FREE_ALPHABET, k=dice.randint(shortest, longest)))
    # %2D is how a doubly escaped hyphen looks; a receiver rightly reads it as one.
    return text.replace("%2", "%3")
