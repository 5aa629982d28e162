"""Random lives of orders: calls lost and repeated, mails late, copied and in any sequence."""

import random
from datetime import timedelta
from typing import Final

import pytest

from app.clock import now
from tests.mailbox.mail_setup import MailSetup

LIVES: Final = {
    ("01",): "awaiting_payment",
    ("02",): "failed",
    ("01", "04"): "paid",
    ("01", "04", "05"): "confirmed",
    ("01", "04", "06"): "reversed",
    ("01", "04", "06", "04"): "paid",
    ("01", "04", "06", "04", "05"): "confirmed",
    ("01", "11", "12"): "confirmed_after_cancel",
    ("01", "11", "13"): "reversed_after_cancel",
    ("01", "11", "13", "11"): "paid_after_cancel",
}
ORDERS: Final = 40
TWICE = """
SELECT order_no, status, occurrence FROM events WHERE status IS NOT NULL
GROUP BY order_no, status, occurrence HAVING count(*) > 1
"""


def _chosen(draw: random.Random) -> dict[str, tuple[str, ...]]:
    return {f"A-{number}": draw.choice(list(LIVES)) for number in range(ORDERS)}


async def _live(
    setup: MailSetup, draw: random.Random, lives: dict[str, tuple[str, ...]]
) -> dict[tuple[str, int], bool]:
    """Make the calls and the mails of these orders, and return which calls were lost."""
    lost = {
        (order_no, place): draw.random() < 0.3
        for order_no, life in lives.items()
        for place in range(len(life))
    }
    begin = now() - timedelta(hours=12)
    mails = [
        (order_no, place, status, begin + timedelta(minutes=30 * place))
        for order_no, life in lives.items()
        for place, status in enumerate(life)
    ]
    for place in range(max(map(len, lives.values()))):
        for order_no, life in draw.sample(sorted(lives.items()), len(lives)):
            if place < len(life) and not lost[order_no, place]:
                for _ in range(draw.choice((1, 1, 2))):
                    await setup.call(life[place], order_no=order_no, sendid=order_no)
    await setup.judge()
    for order_no, place, status, at in draw.sample(mails, len(mails)):
        for copy in range(draw.choice((1, 1, 2))):
            sent = f"{order_no}-{place}-{copy}"
            await setup.mail(status, order_no=order_no, occurred_at=at, sent=sent)
    # Something came before these lives began, so that none is older than the relay.
    first = "SELECT id FROM mails ORDER BY id LIMIT 1"
    await setup.run(f"UPDATE mails SET received_at = :at WHERE id = ({first})", at=begin)
    return lost


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.timeout(300)
async def test_healing_ends_every_life_right(setup: MailSetup, seed: int) -> None:
    draw = random.Random(seed)
    lives = _chosen(draw)
    lost = await _live(setup, draw, lives)
    await setup.match("heal")
    found = {row.order_no: row.state for row in await setup.rows("SELECT * FROM orders")}
    assert {order_no: LIVES[life] for order_no, life in lives.items()} == found
    assert [] == await setup.rows(TWICE)
    states = await setup.states()
    assert not {"waiting", "missing", "unread"} & set(states)
    assert sum(lost.values()) <= states.count("healed")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.timeout(300)
async def test_observing_tells_every_lost_call_once(setup: MailSetup, seed: int) -> None:
    draw = random.Random(seed)
    lives = {
        order_no: life for order_no, life in _chosen(draw).items() if len(life) == len(set(life))
    }
    lost = await _live(setup, draw, lives)
    for _ in range(2):
        await setup.match("observe")
    told = await setup.rows("SELECT 1 FROM reviews WHERE reason = 'call_missing'")
    assert sum(lost.values()) == len(told) == (await setup.states()).count("missing")
