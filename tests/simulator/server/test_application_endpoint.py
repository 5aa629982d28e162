"""cvs.cgi of the simulator: every rule of the application on its bytes, and every answer."""

import asyncio
import re
from datetime import datetime, timedelta
from typing import Any

import aiohttp
import pytest

from app.zeus.application import encode_form
from app.zeus.application_answer import AnswerKind, read_answer
from app.zeus.mails import JAPAN
from app.zeus.stores import STORES, Store
from tests.simulator.simulator_process import GOOD, Simulator

ORDER_NO = re.compile(r"SIM-[0-9]{6}-[0-9]{5}")


async def test_the_answer_is_shift_jis_text_in_the_manuals_order(zeus: Simulator) -> None:
    status, body, headers = await zeus.post_raw(encode_form(GOOD))

    assert (status, headers["content-type"]) == (200, "text/plain; charset=Shift_JIS")
    assert headers["x-simulator"] == "zeus-relay SIMULATOR"
    assert body.endswith(b"\r\n")
    pairs = [line.split(b"=", 1) for line in body.removesuffix(b"\r\n").split(b"\r\n")]
    names = [name.decode() for name, _ in pairs]
    values = {name.decode(): value.decode("ascii") for name, value in pairs}
    assert names == ["rel", "order_no", "pay_no1", "pay_no2", "pay_limit", "pay_url", "error_code"]
    assert values["rel"] == "Success_order"
    assert ORDER_NO.fullmatch(values["order_no"])
    assert (values["pay_url"], values["error_code"]) == ("", "")
    today = datetime.now(JAPAN)
    near = {f"{today + timedelta(days=days):%Y%m%d}" for days in (29, 30, 31)}
    assert values["pay_limit"] in near


@pytest.mark.parametrize("named", [[], ["all"]], ids=["code", "parameter"])
async def test_a_header_names_every_broken_rule_but_no_value(
    zeus: Simulator, named: list[str]
) -> None:
    assert 200 == (await zeus.ask("PATCH", "/settings", {"named_faults": named})).status
    form = encode_form({**GOOD, "act": "", "money": "5,400"})
    _, _, headers = await zeus.post_raw(form + b"&telno=%FF&%FF=%FF")
    assert headers["x-simulator-faults"] == (
        "act: missing, money: must_be_200_to_299999, telno: repeated"
    )
    _, _, headers = await zeus.post_raw(encode_form(GOOD))
    assert "x-simulator-faults" not in headers


@pytest.mark.parametrize("store", STORES.values(), ids=lambda store: store.code)
async def test_each_chain_has_its_numbers_and_only_seven_eleven_a_url(
    zeus: Simulator, store: Store
) -> None:
    answer = await zeus.apply(pay_cvs=store.code)

    assert answer.values["pay_no1"].isdigit()
    assert bool(answer.values["pay_no2"]) == (store.pay_no2_label is not None)
    url = f"{zeus.url}/pay/{answer.order_no}" if store.code == "D001" else ""
    assert answer.values["pay_url"] == url
    assert len(url) <= 120


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("clientip", ""),
        ("clientip", "201200000"),
        ("clientip", "201200000x"),
        ("clientip", "20120000011"),
        ("act", ""),
        ("act", "Secure_order"),
        ("money", ""),
        ("money", "199"),
        ("money", "300000"),
        ("money", "5,400"),
        ("money", "-500"),
        ("username", ""),
        ("username", "コンビニ タロウ"),
        ("username", "　　"),
        ("username", "ｺﾝﾋﾞﾆ"),
        ("username", "コンビニ太郎"),
        ("username", "ア" * 21),
        ("telno", ""),
        ("telno", "03123456"),
        ("telno", "031234567890"),
        ("telno", "1312345678"),
        ("telno", "03-1234-567"),
        ("email", ""),
        ("email", "taro example.com"),
        ("email", "taro @example.com"),
        ("email", "t" * 39 + "@example.com"),
        ("pay_cvs", ""),
        ("pay_cvs", "D999"),
        ("sendid", "a" * 26),
        ("sendid", "a b"),
        ("sendid", "a&b"),
        ("sendpoint", "a" * 51),
        ("sendpoint", "a.b"),
    ],
)
async def test_a_broken_rule_is_answered_in_the_shape_that_is_set(
    zeus: Simulator, parameter: str, value: str
) -> None:
    coded = await zeus.apply(**{parameter: value})
    await zeus.set(named_faults=[parameter])
    named = await zeus.apply(**{parameter: value})

    assert (coded.kind, coded.error_code) == (AnswerKind.FAILED, "800000")
    assert (named.kind, named.parameter) == (AnswerKind.REJECTED, parameter)
    assert "rel" not in named.values


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("money", "200"),
        ("money", "299999"),
        ("username", "ソ" * 20),
        ("telno", "031234567"),
        ("telno", "09012345678"),
        ("email", "t" * 38 + "@example.com"),
        ("sendid", "\\#$%^~`-_@[],/*?+=Az09"),
        ("sendpoint", "a" * 50),
        ("sendid", ""),
    ],
)
async def test_a_value_at_the_edge_is_taken_and_kept(
    zeus: Simulator, parameter: str, value: str
) -> None:
    order_no = await zeus.order_no(**{parameter: value})

    assert (await zeus.order(order_no))["values"][parameter] == value


async def test_utf_8_and_half_characters_are_faults_of_bytes(zeus: Simulator) -> None:
    await zeus.set(named_faults=["not_shift_jis"])
    good = encode_form({**GOOD, "username": "ア"})
    faulty = {
        "half": good.replace(b"username=%83A", b"username=%83"),
        "lone": good.replace(b"username=%83A", b"username=%FD"),
        "utf-8": good.replace(b"username=%83A", b"username=%E3%82%A2%E3"),
    }

    for name, body in faulty.items():
        assert body != good, name
        _, answer, _ = await zeus.post_raw(body)
        assert read_answer(200, answer).parameter == "username", name


async def test_raw_shift_jis_bytes_are_read(zeus: Simulator) -> None:
    form = b"&".join(f"{name}={value}".encode("cp932") for name, value in GOOD.items())
    _, body, _ = await zeus.post_raw(form.replace(b"#", b"%23"))

    order = await zeus.order(str(read_answer(200, body).order_no))
    assert order["values"]["username"] == "コンビニ　タロウ"


async def test_a_repeated_parameter_is_a_fault(zeus: Simulator) -> None:
    await zeus.set(named_faults=["repeated"])
    _, body, _ = await zeus.post_raw(encode_form(GOOD) + b"&money=300")

    assert read_answer(200, body).parameter == "money"


async def test_of_several_faults_the_first_in_the_manuals_order_is_named(zeus: Simulator) -> None:
    await zeus.set(named_faults=["all"])

    assert (await zeus.apply(email="x", money="1", telno="2")).parameter == "money"


@pytest.mark.parametrize(
    ("settings", "changes", "code"),
    [
        ({}, {"clientip": "2012000002"}, "800000"),
        ({"unknown_clientip": "800001"}, {"clientip": "2012000002"}, "800001"),
        ({"service_stopped": True}, {}, "800001"),
        ({"stores": ["D001"]}, {}, "800002"),
        ({"maintenance": ["D002"]}, {}, "0008"),
        ({}, {"testid": "99999999", "test_type": "1"}, "800000"),
    ],
)
async def test_the_contract_decides_on_good_values(
    zeus: Simulator, settings: dict[str, Any], changes: dict[str, str], code: str
) -> None:
    await zeus.set(**settings)

    answer = await zeus.apply(**changes)
    assert (answer.kind, answer.error_code) == (AnswerKind.FAILED, code)


@pytest.mark.parametrize("code", ["800000", "800001", "800002", "900000", "0011", "0008", "0013"])
async def test_every_error_code_has_a_magic_value_and_a_failed_order(
    zeus: Simulator, code: str
) -> None:
    answer = await zeus.apply(email=f"anyone+error-{code}@example.com")

    assert (answer.kind, answer.error_code) == (AnswerKind.FAILED, code)
    order = await zeus.order(str(answer.order_no))
    assert (order["state"], order["status"], order["allowed"]) == ("failed", "02", [])
    assert order["values"]["error_code"] == code


async def test_payment_numbers_come_round_again_if_wanted(zeus: Simulator) -> None:
    await zeus.set(pay_no_cycle=2)

    numbers = [(await zeus.apply()).values["pay_no1"] for _ in range(4)]
    assert numbers[:2] == numbers[2:]
    assert numbers[0] != numbers[1]


@pytest.mark.parametrize("days", [2, 59])
async def test_the_deadline_is_so_many_days_away(zeus: Simulator, days: int) -> None:
    await zeus.set(deadline_days=days)
    before = datetime.now(JAPAN).date()
    limit = (await zeus.apply()).values["pay_limit"]
    after = datetime.now(JAPAN).date()

    assert limit in {f"{day + timedelta(days=days):%Y%m%d}" for day in (before, after)}


async def test_only_a_post_of_an_applications_size_is_taken(zeus: Simulator) -> None:
    async with aiohttp.ClientSession() as client:
        url = f"{zeus.url}/cgi-bin/cvs.cgi"
        async with client.get(url) as answer:
            assert answer.status == 405
        async with client.post(url, data=b"a" * 70_000) as answer:
            assert answer.status == 413
    assert (await zeus.ask("GET", "/orders")).json == []


async def test_an_answer_is_late_by_so_many_seconds(zeus: Simulator) -> None:
    await zeus.set(faults={"answers": {"delay": 0.5}})
    began = asyncio.get_running_loop().time()
    answer = await zeus.apply()

    assert answer.kind is AnswerKind.ACCEPTED
    assert 0.5 <= asyncio.get_running_loop().time() - began < 20


async def test_a_lost_answer_leaves_a_slip(zeus: Simulator) -> None:
    await zeus.set(faults={"answers": {"lost": True}})
    with pytest.raises(aiohttp.ClientError):
        await zeus.post_raw(encode_form(GOOD))

    (order,) = (await zeus.ask("GET", "/orders")).json
    assert (order["state"], order["values"]["sendid"]) == ("unpaid", "A-1001")


async def test_half_an_answer_ends_in_its_middle(zeus: Simulator) -> None:
    host, _, port = zeus.url.removeprefix("http://").partition(":")
    form = encode_form({**GOOD, "email": "anyone+answer-half@example.com"})
    reader, writer = await asyncio.open_connection(host, int(port))
    writer.write(b"POST /cgi-bin/cvs.cgi HTTP/1.1\r\nHost: localhost\r\n")
    writer.write(b"Content-Length: %d\r\n\r\n" % len(form) + form)
    head, _, body = (await asyncio.wait_for(reader.read(), 20)).partition(b"\r\n\r\n")
    writer.close()
    await writer.wait_closed()

    announced = re.search(rb"content-length: ([0-9]+)", head)
    assert announced
    assert len(body) == int(announced[1]) // 2
    assert body.startswith(b"rel=Success_order\r\norder_no=SIM-")
    assert len((await zeus.ask("GET", "/orders")).json) == 1


async def test_an_html_page_comes_instead_of_the_answer(zeus: Simulator) -> None:
    _, body, headers = await zeus.post_raw(
        encode_form({**GOOD, "telno": "0312349203"})  # the magic ending of answer-html
    )

    assert headers["content-type"].startswith("text/html")
    assert body.startswith(b"<html>")
    assert len((await zeus.ask("GET", "/orders")).json) == 1


async def test_a_rejection_names_a_parameter_and_makes_no_order(zeus: Simulator) -> None:
    answer = await zeus.apply(email="anyone+rejected@example.com")

    assert (answer.kind, answer.parameter) == (AnswerKind.REJECTED, "username")
    assert (await zeus.ask("GET", "/orders")).json == []


async def test_the_text_that_names_a_parameter_is_a_switch(zeus: Simulator) -> None:
    await zeus.set(named_faults=["all"], named_fault_text="{name}が正しくありません")
    _, body, _ = await zeus.post_raw(encode_form({**GOOD, "money": "1"}))

    assert body == "moneyが正しくありません\r\n".encode("cp932")


async def test_whether_a_failed_application_has_a_number_is_a_switch(zeus: Simulator) -> None:
    await zeus.set(failed_order_no=False)
    answer = await zeus.apply(money="1")

    assert (answer.kind, answer.error_code, answer.order_no) == (AnswerKind.FAILED, "800000", None)
    assert (await zeus.ask("GET", "/orders")).json == []


@pytest.mark.parametrize(("charset", "kind"), [("cp932", "accepted"), ("shift_jis", "rejected")])
async def test_which_characters_are_shift_jis_is_a_switch(
    zeus: Simulator, charset: str, kind: str
) -> None:
    """A circled number is a character of Windows only; with cp932 the rule of kana refuses it."""
    await zeus.set(shift_jis=charset, named_faults=["not_shift_jis"])
    form = encode_form(GOOD).replace(b"username=", b"username=%83%92%83%93")
    _, good, _ = await zeus.post_raw(form)
    _, answer, _ = await zeus.post_raw(encode_form({**GOOD, "username": "①"}))

    assert read_answer(200, good).kind is AnswerKind.ACCEPTED
    assert (read_answer(200, answer).kind is AnswerKind.REJECTED) == (kind == "rejected")


async def test_whether_a_slip_is_paid_after_a_reversal_is_a_switch(zeus: Simulator) -> None:
    await zeus.set(pay_after_reversal=False)
    order_no = await zeus.order_no()
    await zeus.act(order_no, "pay")
    reversed_ = await zeus.act(order_no, "take-back")
    refused = await zeus.ask("POST", f"/orders/{order_no}/pay")

    assert reversed_["order"]["allowed"] == ["expire"]
    assert (refused.status, refused.json["allowed"]) == (409, ["expire"])
