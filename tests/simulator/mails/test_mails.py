"""Mails of a running simulator: which come when, what they say, and every fault of them."""

import asyncio
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from app.zeus.mails import MailKind
from bench.ports import free_port
from tests.simulator.mails.mail_reader import can_verify, delivered, facts_of, text_of, verified
from tests.simulator.simulator_process import Simulator, simulating
from tests.simulator.simulator_server import OK, hang, listening, saying

ERROR = b"HTTP/1.1 500 Internal Server Error\r\n\r\n"


@pytest.fixture(scope="module")
def maildir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("mails") / "Maildir"


@pytest.fixture(scope="module")
def running_simulator(maildir: Path) -> Iterator[Simulator]:
    with simulating("--maildir", str(maildir)) as simulator:
        yield simulator


@pytest.fixture(autouse=True)
def _empty(maildir: Path) -> None:
    for file in maildir.glob("new/*"):
        file.unlink()


async def mailed(zeus: Simulator, order_no: str, *kinds: str) -> list[Any]:
    """Wait until the order's mails are of these kinds, and return them."""
    async with asyncio.timeout(20):
        while True:
            mails: list[Any] = (await zeus.order(order_no))["mails"]
            if [mail["kind"] for mail in mails] == list(kinds):
                return mails
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(
    ("word", "kinds"),
    [
        ("unpaid", ["申込完了通知", "slip"]),
        ("paid", ["申込完了通知", "slip", "入金速報通知", "receipt"]),
        ("confirmed", ["申込完了通知", "slip", "入金速報通知", "receipt", "売上確定通知"]),
        ("reversed", ["申込完了通知", "slip", "入金速報通知", "receipt", "入金取消通知"]),
        ("expired", ["申込完了通知", "slip"]),
        ("error-0008", ["申込エラー通知"]),
        ("stopped", ["申込完了通知", "slip"]),
        ("paid-after-reissue", ["申込完了通知", "slip", "キャンセル後入金通知", "receipt"]),
        (
            "confirmed-after-reissue",
            ["申込完了通知", "slip", "キャンセル後入金通知", "receipt", "キャンセル後売上通知"],
        ),
        (
            "reversed-after-reissue",
            ["申込完了通知", "slip", "キャンセル後入金通知", "receipt", "キャンセル後取消通知"],
        ),
    ],
)
async def test_each_status_but_03_has_its_mail(
    zeus: Simulator, word: str, kinds: list[str]
) -> None:
    """Mails come whatever was ordered of calls: 02 is mailed, 03 never is."""
    order_no = await zeus.order_no(email=f"anyone+{word}@example.com")
    mails = await mailed(zeus, order_no, *kinds)

    assert all(mail["delivered"] for mail in mails)
    to = {"slip": f"anyone+{word}@example.com", "receipt": f"anyone+{word}@example.com"}
    assert [mail["recipient"] for mail in mails] == [
        to.get(kind, "merchant@example.com") for kind in kinds
    ]


async def test_the_merchants_mail_has_the_manuals_fields_in_its_order(
    zeus: Simulator, maildir: Path
) -> None:
    order_no = await zeus.order_no()
    await mailed(zeus, order_no, "申込完了通知", "slip")
    done = await zeus.act(order_no, "pay")
    values = done["order"]["values"]
    applied, _, paid, _ = delivered(maildir)

    lines = text_of(paid).split("\n")
    assert lines[0] == "コンビニ決済 入金速報通知"
    fields = [line.split(" : ")[0] for line in lines if line.startswith("■")]
    assert fields == [
        f"■ {label}"
        for label in (
            "IPコード",
            "処理時刻",
            "払込金額",
            "電話番号",
            "E-mail",
            "オーダNo",
            "利用コンビニ",
            "払込用番号1",
            "払込用番号2",
            "支払期限",
        )
    ]
    assert "■ 払込金額 : ¥5,400" in lines
    assert "■ 申込金額 : ¥5,400" in text_of(applied).split("\n")
    limit = values["pay_limit"]
    assert f"■ 支払期限 : {limit[:4]}/{limit[4:6]}/{limit[6:]}" in lines
    facts = facts_of(paid)
    assert facts is not None
    assert facts.kind is MailKind.PAID
    assert (facts.order_no, facts.money, facts.pay_cvs) == (order_no, 5400, "D002")
    assert (facts.pay_no1, facts.pay_no2) == (values["pay_no1"], values["pay_no2"])
    assert facts.occurred_at is not None
    changed = datetime.fromisoformat(done["order"]["changed_at"])
    assert abs((facts.occurred_at - changed).total_seconds()) < 2


async def test_a_failed_application_has_no_slip_in_its_mail(zeus: Simulator, maildir: Path) -> None:
    answer = await zeus.apply(money="100", email="taro@example.com\nX: y")
    await mailed(zeus, str(answer.order_no), "申込エラー通知")
    (raw,) = delivered(maildir)

    text = text_of(raw)
    assert "■ 申込金額 : ¥100\n" in text
    assert "■ E-mail : taro@example.com X: y\n" in text
    assert not any(label in text for label in ("払込用番号1", "払込用番号2", "支払期限"))
    assert facts_of(raw).order_no == answer.order_no  # type: ignore[union-attr]


@pytest.mark.parametrize(
    ("store", "labels"),
    [
        ("D001", ["払込票番号", "お支払いページ"]),
        ("D002", ["受付番号", "確認番号"]),
        ("D030", ["注文番号", "企業コード"]),
        ("D015", ["お支払受付番号"]),
        ("D050", ["受付番号", "確認番号"]),
        ("D060", ["オンライン決済番号"]),
    ],
)
async def test_the_customer_reads_how_to_pay_in_the_chains_own_words(
    zeus: Simulator, store: str, labels: list[str]
) -> None:
    answer = await zeus.apply(pay_cvs=store)
    _, slip = await mailed(zeus, str(answer.order_no), "申込完了通知", "slip")

    lines = slip["text"].split("\n")
    assert lines[0] == "コンビニ　タロウ 様"
    values = [answer.values["pay_no1"], answer.values["pay_no2"] or answer.values["pay_url"]]
    assert [f"{label} : {value}" for label, value in zip(labels, values, strict=False)] == [
        line for line in lines if line.split(" : ")[0] in labels
    ]
    limit = answer.values["pay_limit"]
    assert f"支払期限 : {limit[:4]}/{limit[4:6]}/{limit[6:]}" in lines
    assert "SIMULATOR" in slip["text"]


async def test_a_lost_call_is_mailed_and_a_good_one_is_not(zeus: Simulator, maildir: Path) -> None:
    async with listening(saying(ERROR)) as bad, listening(saying(OK)) as good:
        await zeus.set(call_url=bad.url(), mails={"customer": []})
        order_no = await zeus.order_no()
        await mailed(zeus, order_no, "申込完了通知", "CGI送信エラー通知")
        await zeus.set(call_url=good.url())
        await zeus.ask("POST", f"/orders/{order_no}/calls/1/resend")
        await zeus.act(order_no, "pay")
    await mailed(zeus, order_no, "申込完了通知", "CGI送信エラー通知", "入金速報通知")

    facts = facts_of(delivered(maildir)[1])
    assert facts is not None
    assert (facts.kind, facts.order_no) == (MailKind.CALL_FAILED, order_no)
    assert "ステータス 01" in text_of(delivered(maildir)[1])


async def test_whether_the_error_notice_names_the_order_is_a_switch(
    zeus: Simulator, maildir: Path
) -> None:
    async with listening(saying(ERROR)) as bad:
        await zeus.set(call_url=bad.url(), mails={"customer": [], "call_failed_fields": False})
        order_no = await zeus.order_no()
        await mailed(zeus, order_no, "申込完了通知", "CGI送信エラー通知")

    facts = facts_of(delivered(maildir)[1])
    assert facts is not None
    assert (facts.kind, facts.order_no) == (MailKind.CALL_FAILED, None)


async def test_a_timeout_is_mailed_once_after_the_last_retry(zeus: Simulator) -> None:
    async with listening(hang) as server:
        await zeus.set(call_url=server.url(), timeout=0.2, retries=2, mails={"customer": []})
        order_no = await zeus.order_no()
        await mailed(zeus, order_no, "申込完了通知", "CGI送信エラー通知")
        assert len(server.requests) == 3


async def test_a_call_can_be_lost_while_its_mail_comes(zeus: Simulator) -> None:
    async with listening(saying(OK)) as server:
        await zeus.set(
            call_url=server.url(), mails={"customer": []}, faults={"calls": {"drop_every": 1}}
        )
        order_no = await zeus.order_no()
        await zeus.called(order_no, "01")
        await zeus.act(order_no, "pay")
    mails = await mailed(
        zeus, order_no, "申込完了通知", "CGI送信エラー通知", "入金速報通知", "CGI送信エラー通知"
    )

    assert server.requests == []
    assert all(mail["delivered"] for mail in mails)


async def test_a_held_call_that_fails_is_mailed_too(zeus: Simulator) -> None:
    async with listening(saying(ERROR)) as server:
        await zeus.set(
            call_url=server.url(), mails={"customer": []}, faults={"calls": {"swap_every": 1}}
        )
        order_no = await zeus.order_no()
        await mailed(zeus, order_no, "申込完了通知", "CGI送信エラー通知")


async def about_statuses(zeus: Simulator, order_no: str) -> list[Any]:
    """Return the order's mails but for CGI送信エラー通知."""
    mails = (await zeus.order(order_no))["mails"]
    return [mail for mail in mails if mail["kind"] != MailKind.CALL_FAILED]


@pytest.mark.parametrize(
    ("word", "calls", "mails"),
    [("calls-lost", False, True), ("mails-lost", True, False), ("all-lost", False, False)],
)
async def test_magic_values_lose_calls_mails_or_both(
    zeus: Simulator, maildir: Path, word: str, calls: bool, mails: bool
) -> None:
    async with listening(saying(OK)) as server:
        await zeus.set(call_url=server.url(), mails={"customer": []})
        order_no = await zeus.order_no(email=f"anyone+{word}@example.com")
        made = await zeus.called(order_no, "01", "04", "05")
        while len(told := await about_statuses(zeus, order_no)) < 3:
            await asyncio.sleep(0.02)

    assert {call["made"] for call in made} == {calls}
    assert [mail["kind"] for mail in told] == ["申込完了通知", "入金速報通知", "売上確定通知"]
    assert {mail["delivered"] for mail in told} == {mails}
    assert bool(delivered(maildir)) is mails


async def test_mails_can_be_dropped_doubled_and_late(zeus: Simulator, maildir: Path) -> None:
    await zeus.set(
        mails={"customer": []}, faults={"mails": {"drop_every": 2, "times": 2, "delay": 0.4}}
    )
    order_no = await zeus.order_no()
    first = await mailed(zeus, order_no, "申込完了通知", "申込完了通知")
    began = asyncio.get_running_loop().time()
    await zeus.act(order_no, "pay")
    assert asyncio.get_running_loop().time() - began >= 0.4
    second = (await zeus.order(order_no))["mails"][2:]

    assert [mail["delivered"] for mail in first] == [True, True]
    assert [mail["reason"] for mail in second] == ["dropped", "dropped"]
    assert len(delivered(maildir)) == 2


async def test_mails_are_switched_off_one_by_one(zeus: Simulator) -> None:
    await zeus.set(mails={"merchant": None, "customer": ["receipt"]})
    order_no = await zeus.order_no()
    await zeus.called(order_no, "01")
    await zeus.act(order_no, "pay")

    assert [mail["kind"] for mail in (await zeus.order(order_no))["mails"]] == ["receipt"]


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"])
async def test_a_mail_comes_in_the_charset_that_was_asked_for(
    zeus: Simulator, maildir: Path, charset: str
) -> None:
    await zeus.set(mails={"charset": charset, "customer": [], "dkim": False})
    order_no = await zeus.order_no()
    await mailed(zeus, order_no, "申込完了通知")
    (raw,) = delivered(maildir)

    assert f"charset={charset}\n".encode() in raw
    assert b"DKIM-Signature" not in raw
    assert facts_of(raw).order_no == order_no  # type: ignore[union-attr]


@pytest.mark.skipif(not can_verify(), reason="needs python3-dkim, as Debian's package has it")
async def test_the_api_has_each_message_and_the_record_that_verifies_it(
    zeus: Simulator, maildir: Path
) -> None:
    order_no = await zeus.order_no()
    await mailed(zeus, order_no, "申込完了通知", "slip")
    record = (await zeus.ask("GET", "/dkim")).json
    async with (
        aiohttp.ClientSession() as client,
        client.get(f"{zeus.url}/api/orders/{order_no}/mails/1") as answer,
    ):
        raw = await answer.read()
        assert answer.content_type == "message/rfc822"

    assert record["name"] == "simulator._domainkey.simulator.example"
    assert verified(raw, record["name"], record["text"])
    assert delivered(maildir)[0] == raw.replace(b"\r\n", b"\n")
    assert (await zeus.ask("GET", f"/orders/{order_no}/mails/3")).status == 404


async def test_a_server_that_is_away_is_told_and_holds_nothing_up(zeus: Simulator) -> None:
    await zeus.set(mails={"smtp": f"127.0.0.1:{free_port()}", "customer": []})
    order_no = await zeus.order_no()
    (mail,) = await mailed(zeus, order_no, "申込完了通知")

    assert (mail["delivered"], mail["error"]) == (False, "unreachable")


@pytest.mark.parametrize(
    ("mails", "said"),
    [
        ({"maildir": "/elsewhere"}, "maildir"),
        ({"smtp": "mail.example.com:25"}, "--anywhere"),
        ({"smtp": "127.0.0.1"}, "host:port"),
        ({"smtp": "127.0.0.1:0"}, "host:port"),
        ({"merchant": "a@example.com\r\nBcc: b@example.com"}, "mail address"),
        ({"sender": ""}, "mail address"),
        ({"charset": "utf-7"}, "iso-2022-jp"),
        ({"customer": ["advertisement"]}, "slip"),
    ],
)
async def test_settings_of_mails_that_cannot_be_are_refused(
    zeus: Simulator, mails: dict[str, Any], said: str
) -> None:
    refused = await zeus.ask("PATCH", "/settings", {"mails": mails})

    assert refused.status == 422
    assert said in str(refused.json)


async def test_without_a_destination_mails_are_kept_to_be_read() -> None:
    with simulating() as alone:
        order_no = await alone.order_no()
        mails = await mailed(alone, order_no, "申込完了通知", "slip")

    assert {(mail["delivered"], mail["reason"]) for mail in mails} == {(False, "no_destination")}
    assert mails[0]["text"].startswith("コンビニ決済 申込完了通知\n")


async def test_the_key_survives_a_restart_with_its_file(tmp_path: Path) -> None:
    records = []
    for _ in range(2):
        with simulating("--state", str(tmp_path / "state")) as one:
            await one.ask("POST", "/reset")
            records.append((await one.ask("GET", "/dkim")).json)

    assert records[0] == records[1]
