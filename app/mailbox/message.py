"""Mails of Zeus in a raw message, whatever their charset, encoding and wrapping. Pure, bounded.

`texts_of` never raises. It reads at most the limits of app/mailbox/parsing/mime.py.
"""

import re
from dataclasses import dataclass, field
from typing import Final

from app.mailbox.parsing.charsets import text_of
from app.mailbox.parsing.header_fields import decoded, domain_of, read_header
from app.mailbox.parsing.html_text import text_of_html
from app.mailbox.parsing.mime import TEXT_LIMIT, Leaf, MimeMessage, messages_of, transfer_decoded
from app.zeus.mails import MailKind, read_mail, split_mails

MAILS_LIMIT: Final = 1_000
"""Mails that are read out of one message."""
_ENCODINGS: Final = ("", "quoted-printable", "base64")
_RESULTS_FIELD = re.compile(rb"^authentication-results[ \t]*:", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class MailText:
    """One mail: its subject and its text, and the message that must be authenticated for it.

    `raw` is the message itself, or the attached one that holds the text. An attached one is
    without its Authentication-Results: its sender may have written them. It is empty, so never
    believed, if it is too large. `from_domain` is None without exactly one address in From.
    """

    subject: str = field(repr=False)
    text: str = field(repr=False)
    raw: bytes = field(repr=False)
    from_domain: str | None


def texts_of(raw: bytes) -> list[MailText]:
    """Return the mails of Zeus in the message and its attached messages, in their order.

    Without any, return the one text of the message itself. The list is never empty.
    """
    messages = messages_of(raw)
    found: list[MailText] = []
    for message in messages:
        subject, text = _subject_of(message), _text_of(message)
        facts = read_mail(subject, text)
        if facts is None:
            continue
        signed = _without_results(message) if message.is_attached else raw
        is_one = facts.kind is MailKind.CALL_FAILED  # by its subject, so it has no further title
        parts = [text] if is_one else split_mails(text)
        found += [MailText(subject, part, signed, _domain_of(message)) for part in parts]
        if len(found) >= MAILS_LIMIT:
            return found[:MAILS_LIMIT]
    first = messages[0]
    return found or [MailText(_subject_of(first), _text_of(first), raw, _domain_of(first))]


def _subject_of(message: MimeMessage) -> str:
    return decoded(message.header.value(b"subject"))


def _domain_of(message: MimeMessage) -> str | None:
    senders = message.header.all(b"from")
    return domain_of(senders[0].value) if len(senders) == 1 else None


def _text_of(message: MimeMessage) -> str:
    """Return the text of all parts that are mails of Zeus, else of all parts.

    HTML is read only if no plain part is a mail of Zeus, or has any text.
    """
    every: list[str] = []
    for is_html in (False, True):
        readings = [
            _reading(leaf) for leaf in message.leaves if (leaf.subtype == "html") == is_html
        ]
        if mails := [text for text in readings if read_mail("", text) is not None]:
            return "\n".join(mails)
        every.append("\n".join(readings))
    plain, html = every
    return (plain if plain.strip() else html)[:TEXT_LIMIT]


def _reading(leaf: Leaf) -> str:
    """Return the text of a part.

    If it is no mail of Zeus, it may have another transfer encoding than it claims.
    """
    text = _read(leaf, leaf.encoding)
    if read_mail("", text) is not None:
        return text
    others = (_read(leaf, name) for name in _ENCODINGS if name != leaf.encoding)
    return next((other for other in others if read_mail("", other)), text)


def _read(leaf: Leaf, encoding: str) -> str:
    text = text_of(transfer_decoded(leaf.data, encoding), leaf.charset)
    return text_of_html(text) if leaf.subtype == "html" else text


def _without_results(message: MimeMessage) -> bytes:
    """Return an attached message without the fields Authentication-Results in its header."""
    raw = message.raw
    body_at = read_header(raw).body_at
    kept: list[bytes] = []
    dropping = False
    for line in raw[:body_at].split(b"\n"):
        if line[:1] not in b" \t":
            dropping = bool(_RESULTS_FIELD.match(line))
        if not dropping:
            kept.append(line)
    return b"\n".join(kept) + raw[body_at:]
