"""Recordings replayed against the simulator: each difference is told, and nothing else."""

import json
import subprocess
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pytest

from app.zeus.application import encode_form
from app.zeus.mails import JAPAN, MailFacts, MailKind, write_mail
from app.zeus.wire import Style, encode
from tests.simulator.simulator_process import GOOD, PROGRAM

NUMBER = "1234-56789-01234"
REISSUED = "1234-56789-05678"
VALUES = {
    **{name: GOOD[name] for name in ("clientip", "money", "username", "telno", "email")},
    "sendid": GOOD["sendid"],
    "sendpoint": GOOD["sendpoint"],
    "order_no": NUMBER,
    "pay_cvs": "D002",
    "pay_no1": "12345678901",
    "pay_no2": "54321",
    "pay_limit": "20261231",
}
Line = dict[str, Any]


def application(answer: str = "", **changes: str) -> Line:
    lines = answer or (
        f"rel=Success_order\r\norder_no={NUMBER}\r\npay_no1=12345678901\r\npay_no2=54321\r\n"
        "pay_limit=20261231\r\npay_url=\r\nerror_code=\r\n"
    )
    body = encode_form({**GOOD, **changes}).decode("ascii")
    return {"type": "application", "body": body, "answer": lines}


def action(name: str) -> Line:
    return {"type": "action", "order_no": NUMBER, "action": name}


def call(status: str, style: Style = Style.FULL, **changes: str) -> Line:
    values = {**VALUES, "status": status, "error_code": "", **changes}
    return {"type": "call", "query": encode(values, style=style).decode("latin-1")}


def mail(kind: MailKind, order_no: str = NUMBER) -> Line:
    at = datetime(2026, 11, 26, 12, 0, 0, tzinfo=JAPAN)
    day = date(2026, 12, 31)
    facts = MailFacts(kind, order_no=order_no, occurred_at=at, money=5400, pay_limit=day)
    return {"type": "mail", "subject": f"コンビニ決済 {kind}", "text": write_mail(facts)}


TEST = {"testid": "12345678", "test_type": "1"}
PURCHASE = [
    application(**TEST),
    call("01"),
    mail(MailKind.ACCEPTED),
    call("04"),
    mail(MailKind.PAID),
    {"type": "wait", "minutes": 30},
    mail(MailKind.CONFIRMED),
    call("05"),
]
FAILED = application(
    "rel=failure_order\r\norder_no=1\r\npay_no1=\r\npay_no2=\r\npay_limit=\r\n"
    "pay_url=\r\nerror_code=800000\r\n",
    money="100",
)


def replayed(directory: Path, lines: list[Line], *options: str) -> tuple[int, list[str], str]:
    file = directory / "recording.jsonl"
    file.write_text("".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines))
    command: list[str | Path] = [PROGRAM, "simulator", "--replay", str(file), *options]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)
    return ended.returncode, ended.stdout.splitlines(), ended.stderr


@pytest.mark.parametrize(
    ("lines", "options"),
    [
        (PURCHASE, ()),
        ([application(), call("01"), action("pay"), call("04"), action("confirm"), call("05")], ()),
        ([application(), call("01"), action("expire"), call("03")], ("--optional-statuses",)),
        (
            [
                application(),
                call("01"),
                action("reissue"),
                call("01", order_no=REISSUED),
                action("pay"),
                call("11"),
                action("take-back"),
                call("13"),
            ],
            (),
        ),
        (
            [
                application(),
                {**call("01"), "answered": 500},
                mail(MailKind.ACCEPTED),
                mail(MailKind.CALL_FAILED),
            ],
            (),
        ),
        ([application(), call("01", style=Style.HALF)], ("--set", "style=half")),
        ([application(), {**call("01"), "method": "POST"}], ("--method", "POST")),
        ([application("パラメータエラー money\r\n", money="1")], ("--set", 'named_faults=["all"]')),
        ([FAILED], ()),
    ],
)
def test_a_recording_that_the_simulator_matches_has_no_difference(
    tmp_path: Path, lines: list[Line], options: tuple[str, ...]
) -> None:
    code, output, errors = replayed(tmp_path, lines, *options)

    assert (code, errors) == (0, "")
    assert output == [f"{len(lines)} lines replayed, 0 differences"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        ([application(), call("01"), action("pay")], "calls: recorded 01, simulated 01 04"),
        ([application(), call("01"), call("04")], "calls: recorded 01 04, simulated 01"),
        ([application(), {**call("01"), "method": "POST"}], "method: recorded POST, simulated GET"),
        (
            [application(), {**call("01"), "http_version": "1.1"}],
            "HTTP version: recorded 1.1, simulated 1.0",
        ),
        (
            [application(), {**call("01"), "user_agent": True}],
            "agent name: recorded True, simulated False",
        ),
        (
            [application(), call("01", style=Style.LOWER)],
            "username: value: recorded its bytes, simulated the same text in other bytes",
        ),
        (
            [application(), call("01", money="5401")],
            "money: value: recorded its bytes, simulated another text",
        ),
        (
            [application(), call("01", pay_no2="")],
            "pay_no2: value: recorded empty, simulated given",
        ),
        (
            [application(), {"type": "call", "query": f"status=01&order_no={NUMBER}"}],
            "parameters: recorded status order_no, simulated clientip money",
        ),
        ([application("rel=Success_order\norder_no=1\npay_no1=1\n")], "line ends: recorded LF"),
        (
            [application("rel=failure_order\r\nerror_code=0008\r\n")],
            "meaning: recorded failed, simulated accepted",
        ),
        (
            [application("パラメータエラー money\r\n", money="1")],
            "meaning: recorded rejected money, simulated failed",
        ),
        (
            [application(), call("01"), action("confirm")],
            "confirm: recorded done, simulated refused",
        ),
        (
            [application(), call("01"), mail(MailKind.PAID)],
            "mails: recorded 入金速報通知, simulated 申込完了通知",
        ),
        (
            [
                application(),
                call("01"),
                {
                    "type": "mail",
                    "subject": "x",
                    "text": f"コンビニ決済 申込完了通知\n■ オーダNo : {NUMBER}\n",
                },
            ],
            "fields: recorded オーダNo, simulated IPコード 処理時刻",
        ),
    ],
)
def test_each_difference_is_told_without_personal_data(
    tmp_path: Path, lines: list[Line], told: str
) -> None:
    code, output, errors = replayed(tmp_path, lines)

    assert (code, errors) == (1, "")
    assert any(told in line for line in output[:-1]), output
    assert output[-1] == f"{len(lines)} lines replayed, {len(output) - 1} differences"
    for value in (GOOD["username"], GOOD["telno"], GOOD["email"]):
        assert value not in "\n".join(output)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("{", "line 1: "),
        ('{"type": "phone"}', "line 1: "),
        ('\n{"type": "wait", "minutes": 0}', "line 2: wait.minutes"),
        ('{"type": "application", "body": 5400}', "line 1: application.body"),
        ('{"type": "action", "order_no": "1", "action": "burn"}', "line 1: action.action"),
    ],
)
def test_a_recording_that_cannot_be_read_ends_it_with_a_sentence(
    tmp_path: Path, text: str, told: str
) -> None:
    file = tmp_path / "recording.jsonl"
    file.write_text(text)
    command: list[str | Path] = [PROGRAM, "simulator", "--replay", str(file)]
    ended = subprocess.run(command, capture_output=True, text=True, timeout=60)

    assert (ended.returncode, ended.stdout) == (2, "")
    assert told in ended.stderr
    assert "5400" not in ended.stderr
