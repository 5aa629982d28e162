"""Calls of the simulator: what they say, when they are made, and every fault to order."""

import asyncio

import pytest

from app.zeus.wire import decode
from bench.ports import free_port
from tests.simulator.simulator_process import GOOD, Simulator
from tests.simulator.simulator_server import OK, LocalServer, hang, listening, saying

ERROR = b"HTTP/1.1 500 Internal Server Error\r\n\r\n"


def said(request: bytes) -> tuple[str, str]:
    """Return order_no and status of a call by GET."""
    query = request.split(b" ", 2)[1].partition(b"?")[2]
    values = decode(query).values
    return values["order_no"], values["status"]


async def calling(zeus: Simulator, server: LocalServer, **settings: object) -> None:
    await zeus.set(call_url=server.url(), **settings)


async def test_a_call_is_http_1_0_with_the_manuals_parameters_and_no_agent(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        order_no = await zeus.order_no()
        (call,) = await zeus.called(order_no, "01")

    (request,) = server.requests
    line, *headers = request.removesuffix(b"\r\n\r\n").split(b"\r\n")
    assert (line.startswith(b"GET /zeus/notify?clientip="), line.endswith(b" HTTP/1.0")) == (
        True,
        True,
    )
    assert headers == []
    values = decode(line.split(b" ")[1].partition(b"?")[2]).values
    expected = {name: text for name, text in GOOD.items() if name != "act"}
    assert expected | {"order_no": order_no, "status": "01", "error_code": ""} == {
        name: text
        for name, text in values.items()
        if not name.startswith("pay_") or name == "pay_cvs"
    }
    assert list(values) == list(call["parameters"])
    assert len(values) == 14
    assert (call["made"], call["http_status"], call["tries"], call["lost"]) == (True, 200, 1, False)


async def test_method_parameters_and_style_are_those_that_were_ordered(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(
            zeus, server, method="POST", parameters=["order_no", "status", "username"], style="half"
        )
        order_no = await zeus.order_no(username="ア")
        await zeus.called(order_no, "01")

    head, _, body = server.requests[0].partition(b"\r\n\r\n")
    assert head.startswith(b"POST /zeus/notify HTTP/1.0\r\n")
    assert body == b"username=%83A&order_no=" + order_no.encode() + b"&status=01"


@pytest.mark.parametrize(
    ("actions", "statuses", "states"),
    [
        (["pay", "confirm"], ["04", "05"], ["paid", "confirmed"]),
        (["pay", "take-back", "pay"], ["04", "06", "04"], ["paid", "reversed", "paid"]),
        (["stop", "pay"], [None, None], ["unpaid", "stopped"]),
        (
            ["reissue", "pay", "take-back", "pay", "confirm"],
            [None, "11", "13", "11", "12"],
            [
                "cancelled",
                "paid_after_cancel",
                "reversed_after_cancel",
                "paid_after_cancel",
                "confirmed_after_cancel",
            ],
        ),
    ],
)
async def test_each_action_answers_with_the_outcome_of_its_call(
    zeus: Simulator, actions: list[str], statuses: list[str], states: list[str]
) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        for action, status, state in zip(actions, statuses, states, strict=True):
            before = [call for call in map(said, server.requests) if call[0] == order_no]
            done = await zeus.act(order_no, action)
            assert done["order"]["state"] == state
            assert (done["call"] and (done["call"]["status"], done["call"]["http_status"])) == (
                status and (status, 200)
            )
            after = [call for call in map(said, server.requests) if call[0] == order_no]
            assert after == [*before, *([(order_no, status)] if status else [])]


async def test_a_reissue_makes_a_new_order_with_its_own_01(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        done = await zeus.act(order_no, "reissue")

    new = done["replacement"]["order_no"]
    assert new != order_no
    assert [(order_no, "01"), (new, "01")] == [said(request) for request in server.requests]
    old = await zeus.order(order_no)
    assert (old["state"], old["status"], old["state_name"]) == ("cancelled", None, "キャンセル")
    assert old["replaced_by"] == new
    assert done["replacement"]["values"]["sendid"] == old["values"]["sendid"]
    assert done["replacement"]["values"]["pay_no1"] != old["values"]["pay_no1"]


async def test_02_and_03_are_called_only_if_ordered(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        silent = await zeus.order_no(email="anyone+error-0008@example.com")
        (call,) = await zeus.called(silent, "02")
        assert (call["made"], call["reason"], call["lost"]) == (False, "not_ordered", False)
        await zeus.set(optional_statuses=True)
        failed = await zeus.order_no(email="anyone+error-0008@example.com")
        await zeus.called(failed, "02")
        expired = await zeus.order_no()
        await zeus.called(expired, "01")
        await zeus.act(expired, "expire")

    assert [(failed, "02"), (expired, "01"), (expired, "03")] == [
        said(one) for one in server.requests
    ]
    assert b"error_code=0008" in server.requests[0]


@pytest.mark.parametrize(
    "answer", [ERROR, b"HTTP/1.1 302 Found\r\n\r\n", b"HTTP/1.1 201 Created\r\n\r\n"]
)
async def test_an_answer_other_than_200_is_never_retried(zeus: Simulator, answer: bytes) -> None:
    async with listening(saying(answer)) as server:
        await calling(zeus, server, retries=3)
        (call,) = await zeus.called(await zeus.order_no(), "01")

    assert len(server.requests) == 1
    assert (call["http_status"], call["tries"], call["lost"]) == (int(answer[9:12]), 1, True)


async def test_a_timeout_is_retried_as_often_as_ordered(zeus: Simulator) -> None:
    async with listening(hang) as server:
        await calling(zeus, server, retries=2, retry_after=0.1, timeout=0.3)
        (call,) = await zeus.called(await zeus.order_no(), "01")

    assert len(server.requests) == 3
    assert len(set(server.requests)) == 1
    assert (call["error"], call["tries"], call["lost"]) == ("timeout", 3, True)


async def test_without_retries_ordered_a_timeout_loses_the_call(zeus: Simulator) -> None:
    async with listening(hang) as server:
        await calling(zeus, server, timeout=0.3)
        (call,) = await zeus.called(await zeus.order_no(), "01")

    assert len(server.requests) == 1
    assert (call["error"], call["tries"], call["lost"]) == ("timeout", 1, True)


async def test_a_call_that_nobody_takes_is_lost_and_made_again_by_hand(zeus: Simulator) -> None:
    await zeus.set(call_url=f"http://127.0.0.1:{free_port()}/")
    order_no = await zeus.order_no()
    (call,) = await zeus.called(order_no, "01")
    assert (call["error"], call["lost"]) == ("refused", True)

    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        again = await zeus.ask("POST", f"/orders/{order_no}/calls/1/resend")

    assert (again.status, again.json["n"], again.json["http_status"]) == (200, 2, 200)
    assert [(order_no, "01")] == [said(request) for request in server.requests]
    assert again.json["query"] == call["query"]


async def test_calls_can_come_twice(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server, faults={"calls": {"times": 2}})
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")

    assert [(order_no, "01")] * 2 == [said(request) for request in server.requests]


async def test_calls_can_come_late(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        await calling(zeus, server, faults={"calls": {"delay": 0.4}})
        began = asyncio.get_running_loop().time()
        await zeus.act(order_no, "pay")
        assert 0.4 <= asyncio.get_running_loop().time() - began


async def test_calls_of_one_order_can_come_in_disorder(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        await calling(zeus, server, faults={"calls": {"swap_every": 2}})
        other = await zeus.order_no()  # the first call that counts
        await zeus.called(other, "01")
        held = await zeus.act(order_no, "pay")
        await zeus.act(order_no, "confirm")

    assert held["call"]["reason"] == "held"
    assert [(other, "01"), (order_no, "05"), (order_no, "04")] == [
        said(one) for one in server.requests
    ]
    assert [200, 200] == [call["http_status"] for call in (await zeus.order(order_no))["calls"][1:]]


async def test_a_held_call_comes_after_a_second_if_no_other_does(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server, faults={"calls": {"swap_every": 1}})
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        while not server.requests:
            await asyncio.sleep(0.02)

    assert [(order_no, "01")] == [said(request) for request in server.requests]


async def test_calls_can_be_dropped(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server, faults={"calls": {"drop_every": 2}})
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        dropped = (await zeus.act(order_no, "pay"))["call"]
        await zeus.act(order_no, "confirm")

    assert (dropped["made"], dropped["reason"], dropped["lost"]) == (False, "dropped", True)
    assert [(order_no, "01"), (order_no, "05")] == [said(request) for request in server.requests]


async def test_calls_can_be_garbled_and_trickle_from_another_address(zeus: Simulator) -> None:
    peers = []

    async def note(_: bytes, writer: asyncio.StreamWriter) -> None:
        peers.append(writer.get_extra_info("peername")[0])
        writer.write(OK)
        await writer.drain()

    async with listening(note) as server:
        await calling(zeus, server)
        whole = (await zeus.called(await zeus.order_no(), "01"))[0]
        await zeus.set(faults={"calls": {"garble": True, "source": "127.0.0.9", "slow": 0.5}})
        (call,) = await zeus.called(await zeus.order_no(), "01")

    assert peers == ["127.0.0.1", "127.0.0.9"]
    assert call["seconds"] > 0.45  # a sleep may end a little early by the clock of calls
    assert whole["seconds"] > 0
    sent = server.requests[1].split(b" ")[1].partition(b"?")[2]
    assert sent == call["query"].encode()[: len(call["query"]) * 2 // 3]


@pytest.mark.parametrize(
    ("word", "digits", "statuses", "state"),
    [
        ("unpaid", "9001", ["01"], "unpaid"),
        ("paid", "9004", ["01", "04"], "paid"),
        ("confirmed", "9005", ["01", "04", "05"], "confirmed"),
        ("reversed", "9006", ["01", "04", "06"], "reversed"),
        ("paid-again", "9007", ["01", "04", "06", "04", "05"], "confirmed"),
        ("expired", "9003", ["01", "03"], "expired"),
        ("paid-after-reissue", "9011", ["01", "11"], "paid_after_cancel"),
        ("confirmed-after-reissue", "9012", ["01", "11", "12"], "confirmed_after_cancel"),
        ("reversed-after-reissue", "9013", ["01", "11", "13"], "reversed_after_cancel"),
        ("stopped", "9014", ["01"], "stopped"),
        ("calls-lost", "9300", ["01", "04", "05"], "confirmed"),
    ],
)
async def test_a_magic_value_leads_to_its_outcome(
    zeus: Simulator, word: str, digits: str, statuses: list[str], state: str
) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server, optional_statuses=True)
        for ask in ({"email": f"anyone+{word}@example.com"}, {"telno": f"031234{digits}"}):
            order_no = await zeus.order_no(**ask)
            calls = await zeus.called(order_no, *statuses)
            assert [word != "calls-lost"] * len(calls) == [call["made"] for call in calls]
            while (await zeus.order(order_no))["state"] != state:
                await asyncio.sleep(0.02)

    told = [status for number, status in map(said, server.requests) if number == order_no]
    assert told == ([] if word == "calls-lost" else statuses)


async def test_many_orders_at_the_same_time_keep_their_calls_in_sequence(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await calling(zeus, server)
        orders = await asyncio.gather(
            *(zeus.order_no(email="anyone+confirmed@example.com") for _ in range(50))
        )
        for order_no in orders:
            await zeus.called(order_no, "01", "04", "05", patience=60)

    told = [said(request) for request in server.requests]
    assert len(told) == 150
    for order_no in orders:
        assert [status for number, status in told if number == order_no] == ["01", "04", "05"]
