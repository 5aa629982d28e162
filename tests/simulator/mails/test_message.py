"""Messages as bytes: charsets, encoded words, and signatures that another program verifies."""

import re
from datetime import UTC, datetime

import pytest

from app.simulator.mails.dkim_key import DkimKey, relaxed_body, relaxed_header
from app.simulator.mails.message import MailDraft, encoded_words, message_bytes
from app.simulator.state.mail_settings import MailSettings
from tests.simulator.mails.mail_reader import can_verify, message_of, text_of, verified

AT = datetime(2026, 11, 26, 3, 4, 5, tzinfo=UTC)
TEXT = "コンビニ決済 入金速報通知\n\n■ 払込金額 : ¥5,400\n■ 利用コンビニ : セブン-イレブン  \n\n\n"
DRAFT = MailDraft("merchant@example.com", "コンビニ決済 キャンセル後売上通知", TEXT)
KEY = DkimKey()


@pytest.mark.parametrize(
    ("charset", "encoding", "sign"),
    [
        ("iso-2022-jp", "7bit", b"\x1b(J\\"),
        ("shift_jis", "base64", b""),
        ("euc-jp", "base64", b""),
        ("utf-8", "base64", b""),
    ],
)
def test_a_mail_says_the_same_in_every_charset(charset: str, encoding: str, sign: bytes) -> None:
    raw = message_bytes(DRAFT, MailSettings(charset=charset), AT, None)

    message = message_of(raw)
    assert message["Subject"] == DRAFT.subject
    assert message["From"].addresses[0].addr_spec == "no-reply@simulator.example"
    assert message["Date"].datetime == AT
    assert (message.get_content_charset(), message["Content-Transfer-Encoding"]) == (
        charset,
        encoding,
    )
    yen = "\\" if charset in ("shift_jis", "euc-jp") else "¥"  # one byte there, 5C
    assert text_of(raw) == TEXT.replace("¥", yen)
    assert sign in raw
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 78
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.skipif(not can_verify(), reason="needs python3-dkim, as Debian's package has it")
@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"])
def test_signatures_are_verified_by_another_program(charset: str) -> None:
    settings = MailSettings(charset=charset, sender="zeus@pay.example", selector="s2026")
    raw = message_bytes(DRAFT, settings, AT, KEY)
    name = "s2026._domainkey.pay.example"

    assert verified(raw, name, KEY.dns_text())
    assert verified(raw.replace(b"\r\n", b"\n"), name, KEY.dns_text())
    assert not verified(raw, name, DkimKey().dns_text())
    forged = raw.replace(b"To: merchant@", b"To: forger@")
    assert forged != raw
    assert not verified(forged, name, KEY.dns_text())
    assert not verified(raw + b"more\r\n", name, KEY.dns_text())


def test_a_key_comes_back_from_its_pem() -> None:
    assert DkimKey(KEY.pem()).dns_text() == KEY.dns_text()
    assert re.fullmatch(r"v=DKIM1; k=rsa; p=[A-Za-z0-9+/]{390,400}={0,2}", KEY.dns_text())


def test_relaxed_forms_are_those_of_rfc_6376() -> None:
    """The examples of its section 3.4.5."""
    assert [relaxed_header("A", " X"), relaxed_header("B ".strip(), " Y\t\r\n\tZ  ")] == [
        "a:X",
        "b:Y Z",
    ]
    assert relaxed_body(b" C \r\nD \t E\r\n\r\n\r\n") == b" C\r\nD E\r\n"
    assert relaxed_body(b"\r\n\r\n") == b""


def test_encoded_words_are_short_enough() -> None:
    words = encoded_words("キャンセル後売上通知" * 4, "utf-8").split("\r\n ")
    assert len(words) == 4
    assert max(map(len, words)) <= 75
