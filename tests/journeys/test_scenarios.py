"""Every scenario of the simulator: exactly the right webhooks arrive, each verified."""

from collections import Counter, defaultdict

import asyncpg
import pytest

from app.db.connections import connect
from app.simulator.player.orders import Contract, build_run
from app.simulator.player.play import play
from app.simulator.player.scenarios import SCENARIOS, Scenario
from app.simulator.player.target import Method, target_of
from app.zeus.wire import Style
from tests.journeys.conftest import Site, judged_notices
from tests.processes import Starter


async def rows(database_url: str, query: str) -> list[asyncpg.Record]:
    connection = await connect(database_url)
    try:
        return list(await connection.fetch(query))
    finally:
        await connection.close()


@pytest.mark.parametrize(
    ("method", "style"), [(Method.GET, Style.HALF), (Method.POST, Style.LOWER)]
)
async def test_every_scenario_ends_with_exactly_the_right_webhooks(
    site: Site, starter: Starter, method: Method, style: Style
) -> None:
    receiver = starter.start("receive", **site.settings)
    starter.start("work", **site.settings)
    host, port = await receiver.ready("receiver")
    orders = build_run(tuple(SCENARIOS.values()), 2, seed=7, contract=Contract(style=style))
    report = await play(
        target_of(f"http://{host}:{port}/zeus/notify", method=method, timeout_s=10), orders
    )
    assert report.mails == 0

    await site.merchant.wait_for(sum(len(order.scenario.events) for order in orders))
    events = site.merchant.events()
    for order in orders:
        assert order.scenario.events == tuple(event["type"] for event in events[order.order_no]), (
            order.scenario.name
        )
        assert list(range(1, len(order.scenario.events) + 1)) == [
            event["data"]["sequence"] for event in events[order.order_no]
        ]
        assert order.scenario.state == events[order.order_no][-1]["data"]["order"]["state"], (
            order.scenario.name
        )
    assert {order.order_no for order in orders} == set(events)

    verdicts = defaultdict(list)
    for notice in await judged_notices(site.database_url):
        verdicts[notice["order_no"]].append(notice["verdict"])
    for order in orders:
        # A call without order_no has no order, and concurrent calls may arrive in any order.
        expected = [
            verdict
            for verdict, missing in zip(
                order.scenario.verdicts, _missing(order.scenario), strict=True
            )
            if not missing
        ]
        assert sorted(expected) == sorted(verdicts[order.order_no]), order.scenario.name


def _missing(scenario: Scenario) -> list[bool]:
    return [
        missing for turn in scenario.turns for missing in ["order_no" in turn.without] * turn.times
    ]


async def test_a_duplicate_storm_makes_one_event_and_keeps_every_notice(
    site: Site, starter: Starter
) -> None:
    receivers = [starter.start("receive", **site.settings) for _ in range(2)]
    for _ in range(2):
        starter.start("work", **site.settings)
    targets = [
        target_of("http://{}:{}/zeus/notify".format(*await receiver.ready("receiver")))
        for receiver in receivers
    ]
    storm = build_run((SCENARIOS["duplicate-storm"],), 1, seed=1)
    for target in targets:  # all calls to each receiver: 2 + 400 calls for one order
        assert (await play(target, storm)).mails == 0
    await site.merchant.wait_for(2)
    [order] = await rows(site.database_url, "SELECT * FROM orders")
    assert (order["state"], order["sequence"]) == ("paid", 2)
    assert {"accepted": 2, "duplicate": 400} == Counter(
        notice["verdict"] for notice in await judged_notices(site.database_url)
    )
    assert ["order.accepted", "payment.received"] == [
        event["type"] for _, event in site.merchant.received
    ]


async def test_the_webhook_holds_zeuss_values_in_our_fields(site: Site, starter: Starter) -> None:
    receiver = starter.start("receive", **site.settings)
    starter.start("work", **site.settings)
    host, port = await receiver.ready("receiver")
    [order] = build_run((SCENARIOS["usual"],), 1, seed=3)
    await play(target_of(f"http://{host}:{port}/zeus/notify"), [order])
    await site.merchant.wait_for(4)
    (_, accepted), (webhook_id, paid), (_, confirmed), (_, released) = site.merchant.received
    sent = order.values
    data = paid["data"]
    assert list(paid) == ["type", "timestamp", "data"]
    assert data["order_no"] == order.order_no
    assert (data["sequence"], data["occurrence"]) == (2, 1)
    assert data["zeus"] == {"status": "04", "status_name": "入金済", "error_code": None}
    assert (data["money"], data["currency"], data["payable"], data["final"]) == (
        int(sent["money"]),
        "JPY",
        True,
        False,
    )
    assert data["order"] == {"state": "paid", "previous_status": "01"}
    assert data["store"]["code"] == sent["pay_cvs"]
    assert [number["value"] for number in data["payment_numbers"]] == [
        sent[name] for name in ("pay_no1", "pay_no2") if sent[name]
    ]
    assert data["payment_deadline"].replace("-", "") == sent["pay_limit"]
    assert (data["sendid"], data["sendpoint"]) == (
        sent["sendid"] or None,
        sent["sendpoint"] or None,
    )
    assert data["flags"] == []
    assert data["customer"] == {
        "name": sent["username"],
        "telno": sent["telno"],
        "email": sent["email"],
    }
    assert (confirmed["data"]["final"], confirmed["data"]["order"]["state"]) == (True, "confirmed")
    assert (accepted["data"]["payable"], accepted["data"]["order"]["previous_status"]) == (
        False,
        None,
    )
    assert ("order.released", "05", int(sent["money"])) == (
        released["type"],
        released["data"]["zeus"]["status"],
        released["data"]["money"],
    )
    [row] = await rows(site.database_url, "SELECT id FROM events WHERE type = 'payment.received'")
    assert str(row["id"]) == webhook_id
