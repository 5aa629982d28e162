"""Mails of Zeus out of raw messages as mail programs and servers leave them."""

import base64
import binascii
import quopri
import time

import pytest

from app.mailbox.message import MAILS_LIMIT, texts_of
from app.simulator.mails.message import encoded_words, to_charset
from app.zeus.mails import MailFacts, MailKind, read_mail

TEXT = (
    "コンビニ決済 入金速報通知\n\n"
    "■ IPコード : 2019001234\n"
    "■ 処理時刻 : 2026/11/27 10:20:30\n"
    "■ 払込金額 : ¥5,400\n"
    "■ 電話番号 : 0312345678\n"
    "■ オーダNo : 1234-56789-01234\n"
    "■ 利用コンビニ : ローソン\n"
    "----------\n①㈱髙橋商店ﾃｽﾄ～\n"
)
EXPECTED = read_mail("", TEXT)
assert EXPECTED is not None
assert EXPECTED.money == 5400
assert not EXPECTED.unread


def jis(text: str, *, kana: bytes = b"\x1b(I") -> bytes:
    """Return `text` as mailers write ISO-2022-JP: NEC's row 13 and half-width kana too."""
    done, state = bytearray(), b"\x1b(B"
    for sign in text:
        pair = b"\xee\xe0" if sign == "髙" else sign.encode("cp932", "replace")  # NEC's row 92
        if sign == "¥":
            wanted, data = b"\x1b(J", b"\x5c"
        elif len(pair) == 2:
            high, low = pair
            row = (high - (0x81 if high < 0xE0 else 0xC1)) * 2 + 0x21
            if low >= 0x9F:
                wanted, data = b"\x1b$B", bytes([row + 1, low - 0x7E])
            else:
                data = bytes([row, low - (0x1F if low < 0x7F else 0x20)])
                wanted = b"\x1b$B"
        elif pair[0] >= 0xA1:
            wanted, data = kana, bytes([pair[0] - 0x80])
        else:
            wanted, data = b"\x1b(B", pair
        if wanted != state:
            done += b"\x0f" if state == b"\x0e" else b""
            done += wanted
            state = wanted
        done += data
    return bytes(done) + (b"\x0f" if state == b"\x0e" else b"") + b"\x1b(B"


def message(body: bytes, content_type: str = "", encoding: str = "", subject: bytes = b"") -> bytes:
    head = b"From: Zeus <info@zeus.example>\r\nSubject: " + subject + b"\r\n"
    if content_type:
        head += f"Content-Type: {content_type}\r\n".encode()
    if encoding:
        head += f"Content-Transfer-Encoding: {encoding}\r\n".encode()
    return head + b"\r\n" + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def facts(raw: bytes) -> MailFacts | None:
    [found] = texts_of(raw)
    assert found.raw == raw
    assert found.from_domain == "zeus.example"
    return read_mail(found.subject, found.text)


BODIES = {
    "iso-2022-jp": jis(TEXT),
    "iso-2022-jp SO": jis(TEXT, kana=b"\x0e"),
    "shift_jis": to_charset(TEXT, "shift_jis"),
    "euc-jp": TEXT.replace("髙", "高").replace("①㈱", "").replace("～", "〜").encode("euc_jp"),
    "utf-8": TEXT.encode(),
    "utf-8 BOM": b"\xef\xbb\xbf" + TEXT.encode(),
}
CLAIMS = (
    "",
    "text/plain",
    "text/plain; charset=iso-2022-jp",
    "text/plain; charset=utf-8",
    "text/plain; charset=Shift_JIS",
    'text/plain; charset="x-unknown"',
    "text/plain; charset=us-ascii",
    "text/plain; charset=unicode_escape",
    "text/plain; charset",
    "garbage",
    "multipart/mixed",
    "multipart/alternative; boundary=nowhere",
)


@pytest.mark.parametrize("claim", CLAIMS)
@pytest.mark.parametrize("written", BODIES)
def test_the_charset_is_found_whatever_the_header_claims(written: str, claim: str) -> None:
    assert facts(message(BODIES[written], claim)) == EXPECTED


@pytest.mark.parametrize("written", ["iso-2022-jp", "iso-2022-jp SO", "shift_jis", "utf-8"])
def test_signs_that_standard_charsets_lack_are_read(written: str) -> None:
    [found] = texts_of(message(BODIES[written]))

    assert found.text.rstrip().endswith("①㈱髙橋商店ﾃｽﾄ～")


@pytest.mark.parametrize("claim", ["base64", "quoted-printable", "7bit", "8bit", "x-none", ""])
@pytest.mark.parametrize("written", ["base64", "quoted-printable", "8bit"])
@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "utf-8"])
def test_the_transfer_encoding_is_found_whatever_the_header_claims(
    charset: str, written: str, claim: str
) -> None:
    body = BODIES[charset].replace(b"\n", b"\r\n")
    encoded = {
        "base64": base64.encodebytes(body),
        "quoted-printable": quopri.encodestring(body),
        "8bit": body,
    }[written]

    assert facts(message(encoded, f"text/plain; charset={charset}", claim)) == EXPECTED


def test_utf_16_is_read_if_the_header_says_so() -> None:
    body = base64.encodebytes(TEXT.encode("utf-16"))

    assert facts(message(body, "text/plain; charset=utf-16", "base64")) == EXPECTED


@pytest.mark.parametrize("cut", range(1, 9))
@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "utf-8"])
def test_base64_that_is_cut_short_is_read_up_to_there(charset: str, cut: int) -> None:
    encoded = base64.encodebytes(BODIES[charset]).rstrip(b"\n=")[:-cut]

    assert facts(message(encoded, f"text/plain; charset={charset}", "base64")) == EXPECTED


def test_a_footer_behind_base64_is_not_read() -> None:
    body = base64.encodebytes(TEXT.encode()) + b"-- \r\nlist footer of a list\r\n"

    assert facts(message(body, "text/plain", "base64")) == EXPECTED


def test_a_value_with_unreadable_bytes_is_no_fact() -> None:
    damaged = (
        BODIES["shift_jis"].replace(b"1234-5", b"12\xff4-5").replace(b"5,400", b"5,\x004\xfd00")
    )
    found = facts(message(damaged))

    assert found is not None
    assert (found.order_no, found.money) == (None, None)
    assert set(found.unread) == {"order_no", "money"}
    assert found.telno == "0312345678"


def test_nul_is_left_out() -> None:
    [found] = texts_of(message(TEXT.replace("■", "\0■").encode(), subject=b"a\0b"))

    assert "\0" not in found.text + found.subject
    assert read_mail("", found.text) == EXPECTED


@pytest.mark.parametrize("charset", ["iso-2022-jp", "shift_jis", "euc-jp", "utf-8"])
def test_subjects_are_decoded(charset: str) -> None:
    subject = "CGI送信エラー通知 オーダー 1234 のコール"
    words = encoded_words(subject, charset).encode()
    raw_bytes = to_charset(subject, charset)
    for written in (words, raw_bytes, words.replace(b"\r\n ", b" "), words.replace(b"?B?", b"?b?")):
        [found] = texts_of(message(b"x", subject=written))
        assert found.subject == subject, written


def test_subjects_in_quoted_printable_and_damaged_ones_are_decoded() -> None:
    good = b"=?utf-8?Q?CGI=E9=80=81=E4=BF=A1?= =?utf-8*ja?q?_=E3=82=A8?="
    assert texts_of(message(b"x", subject=good))[0].subject == "CGI送信 エ"
    cut = b"=?utf-8?B?44Kz44O?= =?utf-8?B?z44OT?= plain =?x"
    assert texts_of(message(b"x", subject=cut))[0].subject.endswith("plain =?x")


HTML = (
    "<html><head><title>t</title><style>p { color: red }</style></head><body><!-- > -->"
    + "".join(f"<p>{line}</p>" for line in TEXT.replace("¥", "&yen;").splitlines())
    + "<script>x</script></body></html>"
)


def multipart(kind: str, *parts: bytes, boundary: str = "b") -> bytes:
    mark = b"--" + boundary.encode()
    body = b"".join(mark + b"\r\n" + part + b"\r\n" for part in parts) + mark + b"--\r\n"
    return message(b"preamble\r\n" + body, f'multipart/{kind}; boundary="{boundary}"')


def part(body: bytes, content_type: str, encoding: str = "8bit") -> bytes:
    head = f"Content-Type: {content_type}\r\nContent-Transfer-Encoding: {encoding}\r\n\r\n"
    return head.encode() + body.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")


def test_html_is_read_if_there_is_nothing_else() -> None:
    html = part(base64.encodebytes(to_charset(HTML, "shift_jis")), "text/html", "base64")
    table = (
        HTML.replace("<p>", "<tr><td>").replace("</p>", "</td></tr>").replace(" : ", "</td><td>: ")
    )

    assert facts(message(HTML.encode(), "text/html; charset=utf-8")) == EXPECTED
    assert facts(message(table.encode(), "text/html; charset=utf-8")) == EXPECTED
    assert facts(multipart("alternative", html)) == EXPECTED
    stub = part(b"Your mail program shows no HTML.", "text/plain")
    assert facts(multipart("alternative", stub, html)) == EXPECTED
    plain = part(TEXT.replace("5,400", "6,400").encode(), "text/plain")
    first = facts(multipart("alternative", plain, html))
    assert first is not None
    assert first.money == 6400


def test_parts_are_found_at_any_depth_that_mail_programs_use() -> None:
    inner = part(TEXT.encode(), "text/plain")
    for depth in range(10):
        inner = multipart("mixed", inner, boundary=f"b{depth}").partition(b"Subject: \r\n")[2]
    raw = b"From: Zeus <info@zeus.example>\r\nSubject: \r\n" + inner

    assert facts(raw) == EXPECTED


def test_boundaries_that_begin_alike_and_missing_ends_are_read() -> None:
    inner = multipart("alternative", part(TEXT.encode(), "text/plain"), boundary="bb")
    raw = multipart("mixed", inner.partition(b"Subject: \r\n")[2], boundary="b")

    assert facts(raw) == EXPECTED
    assert facts(raw[: raw.rindex("①".encode())]) == EXPECTED
    unix = raw.replace(b"\r\n", b"\n")
    assert facts(unix) == EXPECTED


def test_attached_mails_are_read_with_their_own_bytes() -> None:
    one = message(TEXT.encode(), subject=b"one")
    two = message(TEXT.replace("5,400", "1,000").encode(), subject=b"two")
    raw = multipart(
        "mixed",
        part(b"please see these", "text/plain"),
        b"Content-Type: message/rfc822\r\n\r\n" + one,
        part(base64.encodebytes(two), "message/rfc822", "base64"),
    ).replace(b"info@zeus.example", b"clerk@shop.example", 1)
    found = texts_of(raw)

    assert [text.subject for text in found] == ["one", "two"]
    assert [text.from_domain for text in found] == ["zeus.example"] * 2
    assert found[0].raw == one
    assert found[1].raw.rstrip() == two.rstrip()


def test_two_mails_in_one_text_are_two() -> None:
    other = TEXT.replace("入金速報通知", "売上確定通知").replace("5,400", "1,000")
    quoted = "\n".join(f"> {line}" for line in other.splitlines())
    found = texts_of(message(f"Hello\n\n{TEXT}\n{quoted}\n".encode()))
    read = [read_mail(text.subject, text.text) for text in found]

    assert [(mail.kind, mail.money) for mail in read if mail] == [
        (MailKind.PAID, 5400),
        (MailKind.CONFIRMED, 1000),
    ]
    assert len(read) == 2


def test_a_title_that_is_repeated_is_one_mail() -> None:
    assert facts(message(f"コンビニ決済 入金速報通知\n\n{TEXT}".encode())) == EXPECTED


def test_a_mail_about_a_failed_call_is_one_by_its_subject() -> None:
    subject = encoded_words("CGI送信エラー通知", "iso-2022-jp").encode()
    [found] = texts_of(message(f"{TEXT}\n{TEXT}".encode(), subject=subject))
    read = read_mail(found.subject, found.text)

    assert read is not None
    assert read.kind is MailKind.CALL_FAILED


def test_other_mails_have_their_text() -> None:
    [found] = texts_of(message("こんにちは".encode("cp932"), subject=b"hello"))

    assert (found.subject, found.text) == ("hello", "こんにちは")
    assert read_mail(found.subject, found.text) is None


MIB = 1024 * 1024
BOMBS = {
    "large": message(TEXT.encode() + b"x" * 50 * MIB),
    "one line": b"x" * 50 * MIB,
    "lines": b"\n" * 20 * MIB,
    "header": b"A: b\r\n" * 3_000_000,
    "folds": b"Subject:" + b"\r\n =?utf-8?B?YQ==?=" * 500_000,
    "parts": multipart("mixed", *[part(TEXT.encode(), "text/plain")] * 5_000),
    "empty parts": message(b"--b\r\n" * 2_000_000, "multipart/mixed; boundary=b"),
    "near boundaries": message(b"--bx\r\n" * 2_000_000, "multipart/mixed; boundary=b"),
    "depth": message(b"", "multipart/mixed; boundary=b")
    + b"--b\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n" * 200_000,
    "attached": message(b"", "message/rfc822") + b"Content-Type: message/rfc822\r\n\r\n" * 300_000,
    "base64": message(base64.encodebytes(b"\0" * 20 * MIB), "text/plain", "base64"),
    "escapes": message(b"\x1b$B\x1b(B" * 3_000_000, "text/plain; charset=iso-2022-jp"),
    "kanji": message(b"\x1b$B" + b"\x21" * 20 * MIB),
    "tags": message(b"<p" * 10 * MIB, "text/html"),
    "comments": message(b"<!--" * 5 * MIB, "text/html"),
    "scripts": message(b"<script>" * 3 * MIB, "text/html"),
    "entities": message(b"&amp" * 5 * MIB, "text/html"),
    "parameters": b"Content-Type: text/plain" + b';a="' * 60_000 + b"\r\n\r\nx",
    "boundary": b"Content-Type: multipart/mixed; boundary=" + b"a" * 200_000 + b"\r\n\r\n--a\r\n",
    "titles": message("コンビニ決済 入金速報通知\n".encode() * 500_000),
    "mails": message(f"{TEXT}\n".encode() * 50_000),
    "labels": message(("コンビニ決済 入金速報通知\n" + "■ " * 5_000_000).encode()),
    "quotes": message(b"> " * 10 * MIB),
}


@pytest.mark.parametrize("name", BOMBS)
def test_no_message_takes_long(name: str) -> None:
    began = time.process_time()
    found = texts_of(BOMBS[name])
    taken = time.process_time() - began

    assert 1 <= len(found) <= MAILS_LIMIT
    assert sum(len(text.text) for text in found) < 8 * MIB
    assert taken < 10, f"{taken:.1f} s"


def test_transfer_encodings_agree_with_the_library() -> None:
    assert binascii.a2b_qp(quopri.encodestring(TEXT.encode())) == TEXT.encode()
