"""Mail messages as bytes: headers and body in the charset that the merchant asked for."""

import base64
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime

from app.simulator.mails.dkim_key import DkimKey
from app.simulator.state.mail_settings import MailSettings

_CODECS = {
    "iso-2022-jp": "iso2022_jp",
    "shift_jis": "cp932",
    "euc-jp": "euc_jp",
    "utf-8": "utf-8",
}
_SEVEN_BITS = "iso-2022-jp"
_SENDER_NAME = "決済シミュレーター"
_WORD = 10
"""Characters in an encoded word: at most 75 bytes, however they are encoded."""


@dataclass(frozen=True, slots=True)
class MailDraft:
    """A mail before it has a form: recipient, subject, and text with lines in LF."""

    recipient: str = field(repr=False)
    subject: str
    text: str = field(repr=False)


def message_bytes(
    draft: MailDraft, settings: MailSettings, at: datetime, key: DkimKey | None
) -> bytes:
    """Return the message with lines in CRLF, signed with `key` if there is one."""
    charset = settings.charset
    encoded = to_charset(draft.text.replace("\n", "\r\n"), charset)
    body = encoded if charset == _SEVEN_BITS else _base64_lines(encoded)
    headers = [
        ("From", f"{encoded_words(_SENDER_NAME, charset)}\r\n <{settings.sender}>"),
        ("To", draft.recipient),
        ("Subject", encoded_words(draft.subject, charset)),
        ("Date", format_datetime(at)),
        ("Message-ID", f"<{secrets.token_hex(12)}@{settings.domain}>"),
        ("MIME-Version", "1.0"),
        ("Content-Type", f"text/plain; charset={charset}"),
        ("Content-Transfer-Encoding", "7bit" if charset == _SEVEN_BITS else "base64"),
        ("X-Simulator", "zeus-relay SIMULATOR"),
    ]
    if key:
        signature = key.signature(headers, body, settings.domain, settings.selector)
        headers.insert(0, ("DKIM-Signature", signature))
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return head.encode("ascii", "replace") + b"\r\n" + body


def to_charset(text: str, charset: str) -> bytes:
    """Return `text` in a mail's charset. In Shift_JIS the yen sign is the byte 5C, as in calls."""
    codec = _CODECS[charset]
    return (text.replace("¥", "\\") if codec == "cp932" else text).encode(codec, "replace")


def encoded_words(text: str, charset: str) -> str:
    """Return `text` as encoded words of RFC 2047, one on a line."""
    pieces = (text[start : start + _WORD] for start in range(0, len(text), _WORD))
    words = (base64.b64encode(to_charset(piece, charset)).decode() for piece in pieces)
    return "\r\n ".join(f"=?{charset.upper()}?B?{word}?=" for word in words)


def _base64_lines(body: bytes) -> bytes:
    return base64.encodebytes(body).replace(b"\n", b"\r\n")
