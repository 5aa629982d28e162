"""Properties of reading and believing: any bytes are read, and nothing unsigned is believed."""

import asyncio
import base64
import quopri
import re
from typing import Any

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.mailbox.authentication import BeliefRules, belief_of
from app.mailbox.message import texts_of
from app.mailbox.parsing.charsets import text_of
from app.mailbox.parsing.header_fields import domain_of
from app.mailbox.parsing.html_text import text_of_html
from app.mailbox.signatures.results import read_results
from app.mailbox.signatures.tags import body_pieces
from app.zeus.mails import LABELS, read_mail, split_mails
from tests.mailbox.signing import Records, Signer, rsa

ZEUS = Signer("zeus.example", rsa())
RECORDS = Records({ZEUS.name: [ZEUS.record()]})
RULES = BeliefRules.of(["zeus.example"], ["zeus.example"], ["mx.shop.example"], RECORDS)
SIGNED = ZEUS.sign(
    b"From: info@zeus.example\r\nSubject: =?utf-8?B?44Kz44Oz44OT44OL5rG65riI?=\r\n"
    b"Date: Fri, 27 Nov 2026 10:00:00 +0900\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n"
    + "コンビニ決済 入金速報通知\r\n■ オーダNo : 1234\r\n■ 払込金額 : ¥5,400\r\n".encode()
)

PIECES = st.sampled_from(
    [
        b"From: info@zeus.example\r\n",
        b"Subject: =?iso-2022-jp?B?GyRCJWEbKEI=?=\r\n",
        b"Authentication-Results: other.example; dkim=pass header.d=zeus.example\r\n",
        b"ARC-Seal: i=1; a=rsa-sha256; cv=none; d=zeus.example; s=test; b=AAAA\r\n",
        b"ARC-Message-Signature: i=1; a=rsa-sha256; d=zeus.example; s=test; h=from:subject;"
        b" bh=; b=\r\n",
        b"ARC-Authentication-Results: i=1; x; dkim=pass header.d=zeus.example\r\n",
        b"DKIM-Signature: v=1; a=rsa-sha256; d=zeus.example; s=test; h=from:subject;"
        b" bh=AAAA; b=AAAA\r\n",
        b"Content-Type: multipart/mixed; boundary=b\r\n",
        b"Content-Type: message/rfc822\r\n",
        b"Content-Type: text/html; charset=iso-2022-jp\r\n",
        b"Content-Transfer-Encoding: base64\r\n",
        b"Content-Transfer-Encoding: quoted-printable\r\n",
        b"--b\r\n",
        b"--b--\r\n",
        b"\r\n",
        b"\n",
        b" ",
        b"\x1b$B",
        b"\x1b(I",
        b"\x0e",
        b"\xff\xfe",
        b"<p>&#x110000;<!--",
        "コンビニ決済 入金速報通知\n".encode(),
        "■ 払込金額 : ￥5,400\n".encode("cp932"),
        "■ 処理時刻 : 2026/99/99 10:20:30\n".encode(),
        SIGNED,
    ]
)
MESSAGES = st.lists(st.one_of(PIECES, st.binary(max_size=40)), max_size=30).map(b"".join)


@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(MESSAGES)
@example(b"")
@example(b"\r")
def test_any_message_is_read_and_none_without_a_signature_is_believed(raw: bytes) -> None:
    found = texts_of(raw)

    assert found
    for text in found:
        assert "\0" not in text.text + text.subject
        (text.text + text.subject).encode()
        assert split_mails(text.text)
        read_mail(text.subject, text.text)
        if SIGNED not in text.raw:
            assert asyncio.run(belief_of(text.raw, RULES)).believed is False


@settings(max_examples=600, deadline=None)
@given(st.data())
def test_no_change_of_a_signed_mail_is_believed(data: Any) -> None:
    at = data.draw(st.integers(0, len(SIGNED) - 1))
    removed = data.draw(st.integers(0, 20))
    added = data.draw(st.binary(max_size=10))
    raw = SIGNED[:at] + added + SIGNED[at + removed :]
    answer = asyncio.run(belief_of(raw, RULES))

    if answer.believed:
        assert _relaxed(raw) == _relaxed(SIGNED), raw


def _relaxed(raw: bytes) -> tuple[list[bytes], bytes]:
    """Return what the signature covers, in another way than the code: fields, and the body."""
    head, _, body = raw.replace(b"\r\n", b"\n").partition(b"\n\n")
    fields = head.replace(b"\n ", b" ").replace(b"\n\t", b" ").split(b"\n")
    signed = [
        b" ".join(value.split(b":", 1)[1].split())
        for name in (b"from", b"subject", b"date")
        for value in fields
        if value.lower().split(b":")[0].strip() == name
    ]
    lines = [
        b" ".join(line.replace(b"\t", b" ").split(b" ")).rstrip() for line in body.split(b"\n")
    ]
    return signed, b"\n".join(lines).rstrip(b"\n")


BODIES = st.lists(
    st.sampled_from(
        [b" ", b"\t", b"\r\n", b"x", b"\r", b" " * 70_000, b"y" * 65_535, b"\r\n" * 40_000]
    ),
    max_size=12,
).map(b"".join)


@settings(max_examples=150, deadline=None)
@given(BODIES, st.sampled_from(["simple", "relaxed"]))
def test_a_body_in_pieces_is_as_the_rfc_says(body: bytes, form: str) -> None:
    assert b"".join(body_pieces(body, form)) == _whole_form(body, form)


def _whole_form(body: bytes, form: str) -> bytes:
    """Return RFC 6376, 3.4.3 and 3.4.4, line by line."""
    lines = body.split(b"\r\n")
    if form == "relaxed":
        lines = [re.sub(rb"[ \t]+", b" ", line).removesuffix(b" ") for line in lines]
    while lines and not lines[-1]:
        lines.pop()
    if not lines and form == "relaxed":
        return b""
    return b"\r\n".join(lines) + b"\r\n"


TEXTS = st.text(
    st.characters(codec="cp932", exclude_characters="\0\x1b\x0e\x0f\\~\x7f¢£¬‖−〜"), max_size=200
)


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_utf_8_is_never_taken_for_another_charset(text: str) -> None:
    for charset in ("", "iso-2022-jp", "shift_jis", "euc-jp", "us-ascii", "nonsense"):
        assert text_of(text.encode(), charset) == text


@settings(max_examples=300, deadline=None)
@given(TEXTS)
def test_iso_2022_jp_is_read_as_the_library_wrote_it(text: str) -> None:
    written = text.encode("iso2022_jp", "ignore")
    again = written.decode("iso2022_jp").encode("cp932", "ignore").decode("cp932")

    assert text_of(written).encode("cp932", "ignore").decode("cp932") == again


VALUES = st.text(st.characters(min_codepoint=0x21, max_codepoint=0x7E), min_size=1, max_size=20)


@settings(max_examples=300, deadline=None)
@given(
    st.dictionaries(st.sampled_from(["clientip", "telno", "email", "order_no"]), VALUES),
    st.sampled_from(["8bit", "base64", "quoted-printable"]),
    st.sampled_from(["8bit", "base64", "quoted-printable", "x"]),
    st.sampled_from(["cp932", "utf-8", "iso2022_jp", "euc_jp"]),
)
def test_values_come_through_every_form(
    values: dict[str, str], written: str, claimed: str, codec: str
) -> None:
    lines = [f"■ {LABELS[name]} : {value}" for name, value in values.items()]
    body = "\r\n".join(["コンビニ決済 売上確定通知", "", *lines, ""]).encode(codec)
    encoders = {"base64": base64.encodebytes, "quoted-printable": quopri.encodestring}
    body = encoders.get(written, bytes)(body)
    raw = b"Content-Transfer-Encoding: " + claimed.encode() + b"\r\n\r\n" + body
    [found] = texts_of(raw)
    facts = read_mail(found.subject, found.text)

    assert facts is not None
    # Read as quoted-printable, a raw `=` at the end of a line joins it with the next one.
    joins = written == "8bit" and claimed == "quoted-printable" and "=" in "".join(values.values())
    if (written == claimed or written == "8bit") and not joins:
        for name, value in values.items():
            if "=" not in value:  # which looks like quoted-printable
                assert getattr(facts, name) == value


@settings(max_examples=500, deadline=None)
@given(st.binary(max_size=300))
def test_fields_of_any_bytes_are_read(data: bytes) -> None:
    domain, results = domain_of(data), read_results(data)
    assert domain is None or (domain.isascii() and domain.encode() in data.lower())
    assert results is None or results.authserv_id
    text_of_html(data.decode("latin-1")).encode()  # no half of a surrogate pair
