"""ARC chains (RFC 8617): what named forwarders found when a mail arrived at them."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from app.mailbox.parsing.header_fields import HeaderField
from app.mailbox.signatures.dkim import (
    SignedMessage,
    check_algorithm,
    verify_digest,
    verify_signature,
)
from app.mailbox.signatures.keys import TextRecords
from app.mailbox.signatures.tags import NotValid, read_tags, relaxed_field, without_signature, word

LONGEST_CHAIN: Final = 10
"""Sets in a chain. RFC 8617 allows 50; each needs an answer of a name server."""
_NAMES: Final = (b"arc-authentication-results", b"arc-message-signature", b"arc-seal")


@dataclass(frozen=True, slots=True)
class ArcSet:
    """The three fields that one forwarder adds."""

    results: HeaderField
    message: HeaderField
    seal: HeaderField


def chain_of(message: SignedMessage) -> list[ArcSet]:
    """Return the sets of a message, the first first; none without ARC. Raise NotValid."""
    found: dict[int, dict[bytes, HeaderField]] = {}
    for field in message.fields:
        if field.key in _NAMES:
            of_set = found.setdefault(_instance(field), {})
            if field.key in of_set:
                raise NotValid("malformed")
            of_set[field.key] = field
    numbers = range(1, len(found) + 1)
    if len(found) > LONGEST_CHAIN or any(len(found.get(number, ())) != 3 for number in numbers):
        raise NotValid("malformed")
    return [ArcSet(*(found[number][name] for name in _NAMES)) for number in numbers]


def results_text(found: ArcSet) -> bytes:
    """Return the results of a set in the form of the field Authentication-Results."""
    return found.results.value.partition(b";")[2]


async def verify_chain(
    message: SignedMessage,
    chain: list[ArcSet],
    forwarders: Collection[str],
    records: TextRecords,
    at: datetime,
) -> list[ArcSet]:
    """Return the sets of the named forwarders without a stranger after them, the last first.

    Raise NotValid unless the whole chain is valid and its last set is of a forwarder, or
    DnsFailed.
    """
    trusted = []
    for found in reversed(chain):
        if not {_domain(found.seal), _domain(found.message)} <= set(forwarders):
            break
        trusted.append(found)
    if not trusted:
        raise NotValid("not sealed by a named forwarder")
    last = chain[-1].message
    await verify_signature(message, last, read_tags(last.value), records, at)
    for number in range(len(chain), 0, -1):
        await _verify_seal(chain[:number], records)
    return trusted


async def _verify_seal(chain: list[ArcSet], records: TextRecords) -> None:
    seal = chain[-1].seal
    tags = read_tags(seal.value)
    check_algorithm(tags)
    if word(tags, "cv") != ("pass" if len(chain) > 1 else "none") or "h" in tags:
        raise NotValid("the chain was broken before")
    covered = [field for found in chain for field in (found.results, found.message, found.seal)]
    covered[-1] = HeaderField(seal.name, without_signature(seal.value))
    await verify_digest(tags, b"\r\n".join(map(relaxed_field, covered)), records)


def _instance(field: HeaderField) -> int:
    """Return the number of the set (i=). It stands first in the results."""
    if field.key == _NAMES[0]:
        found = re.match(rb"\s*i\s*=\s*([0-9]{1,2})\s*;", field.value)
        text = found[1].decode() if found else ""
    else:
        text = word(read_tags(field.value), "i")
    if not re.fullmatch("[1-9][0-9]?", text):
        raise NotValid("malformed")
    return int(text)


def _domain(field: HeaderField) -> str:
    return word(read_tags(field.value), "d")
