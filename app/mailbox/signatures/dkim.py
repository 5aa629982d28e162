"""DKIM signatures (RFC 6376), under stricter rules than its own.

SHA-1, a part of the body (l=), and an unsigned From or Subject are not accepted.
"""

import asyncio
import hashlib
import hmac
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from app.mailbox.parsing.header_fields import HeaderField
from app.mailbox.signatures.keys import TextRecords, find_key
from app.mailbox.signatures.tags import (
    NotValid,
    Tags,
    body_pieces,
    names,
    octets,
    read_tags,
    relaxed_field,
    signed_fields,
    simple_field,
    without_signature,
    word,
)

ALGORITHMS = ("rsa-sha256", "ed25519-sha256")
_NEEDED = ("from", "subject")


@dataclass(frozen=True, slots=True)
class SignedMessage:
    """The fields of a message from the top, and its body, with lines in CRLF."""

    fields: Sequence[HeaderField]
    body: bytes


async def verify_dkim(
    message: SignedMessage, signature: HeaderField, records: TextRecords, at: datetime
) -> None:
    """Raise NotValid unless the DKIM-Signature `signature` is valid at this time, or DnsFailed."""
    tags = read_tags(signature.value)
    if word(tags, "v") != "1":
        raise NotValid("malformed")
    _check_identity(tags)
    await verify_signature(message, signature, tags, records, at)


def domain_of_signature(field: HeaderField) -> str | None:
    """Return the domain (d=) that a signature claims, or None if it cannot be read."""
    try:
        return word(read_tags(field.value), "d") or None
    except NotValid:
        return None


def covers_part(field: HeaderField) -> bool:
    """Return True if a signature covers only a part of the body (l=)."""
    try:
        return "l" in read_tags(field.value)
    except NotValid:
        return False


async def verify_signature(
    message: SignedMessage,
    signature: HeaderField,
    tags: Tags,
    records: TextRecords,
    at: datetime,
) -> None:
    """Raise NotValid unless a signature over fields and body is valid, or DnsFailed."""
    check_algorithm(tags)
    signed = names(tags)
    if "l" in tags:
        raise NotValid("covers only a part of the body")
    if any(name not in signed for name in _NEEDED):
        raise NotValid("does not cover From and Subject")
    if word(tags, "q", "dns/txt") != "dns/txt":
        raise NotValid("malformed")
    if "x" in tags and not _is_before(at, word(tags, "x")):
        raise NotValid("expired")
    header_form, _, form = word(tags, "c", "simple/simple").partition("/")
    form = form or "simple"
    if not {header_form, form} <= {"simple", "relaxed"}:
        raise NotValid("malformed")
    # In a thread, since a large body takes a while.
    body_hash = await asyncio.to_thread(_digest_of, message.body, form)
    if not hmac.compare_digest(body_hash, octets(tags, "bh")):
        raise NotValid("body altered")
    own = HeaderField(signature.name, without_signature(signature.value))
    fields = [*signed_fields(message.fields, signed), own]
    write = relaxed_field if header_form == "relaxed" else simple_field
    await verify_digest(tags, b"\r\n".join(map(write, fields)), records)


def _digest_of(body: bytes, form: str) -> bytes:
    digest = hashlib.sha256()
    for piece in body_pieces(body, form):
        digest.update(piece)
    return digest.digest()


async def verify_digest(tags: Tags, covered: bytes, records: TextRecords) -> None:
    """Raise NotValid unless the key of d= and s= signed `covered`, or DnsFailed."""
    domain, selector, signature = word(tags, "d"), word(tags, "s"), octets(tags, "b")
    if not is_domain(domain) or not is_domain(selector):
        raise NotValid("malformed")
    key = await find_key(records, domain, selector)
    if key.is_strict and word(tags, "i").rpartition("@")[2] not in ("", domain):
        raise NotValid("the key is not for subdomains")
    key.verify(word(tags, "a"), signature, hashlib.sha256(covered).digest())


def check_algorithm(tags: Tags) -> None:
    """Raise NotValid unless a= is an algorithm with SHA-256."""
    if word(tags, "a") not in ALGORITHMS:
        raise NotValid("algorithm")


def is_domain(text: str) -> bool:
    """Return True for a name that may be asked for in DNS."""
    return bool(re.fullmatch(r"(?=.{1,200}$)[a-z0-9_-]{1,63}(\.[a-z0-9_-]{1,63})*", text))


def _check_identity(tags: Tags) -> None:
    """Raise NotValid unless i= is of the domain d= or of a subdomain."""
    domain, identity = word(tags, "d"), word(tags, "i").rpartition("@")[2]
    if "i" in tags and identity != domain and not identity.endswith(f".{domain}"):
        raise NotValid("malformed")


def _is_before(at: datetime, seconds: str) -> bool:
    return bool(re.fullmatch(r"\d{1,12}", seconds, re.ASCII)) and at.timestamp() < int(seconds)
