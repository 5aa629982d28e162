"""Belief in a mail: by DKIM of a named domain, by ARC of a forwarder, or by a server of our own.

A mail that nobody vouches for is never believed. A name server that fails to answer makes the
question open, never the answer.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Final

from app.clock import now
from app.mailbox.parsing.header_fields import Header, domain_of, read_header
from app.mailbox.signatures.arc import chain_of, results_text, verify_chain
from app.mailbox.signatures.dkim import (
    SignedMessage,
    covers_part,
    domain_of_signature,
    verify_dkim,
)
from app.mailbox.signatures.keys import TextRecords
from app.mailbox.signatures.results import AuthenticationResults, read_results
from app.mailbox.signatures.tags import NotValid, crlf
from app.network.text_records import DnsFailed

SIZE_LIMIT: Final = 10 * 1024 * 1024
"""Bytes of a message whose signatures are verified. Zeus's mails have about 2,000."""
SIGNATURES_LIMIT: Final = 5
"""Signatures of named domains that are tried in one message."""
_ONCE: Final = (b"from", b"subject", b"content-type", b"content-transfer-encoding")
"""Fields that change what a reader sees. A second one may be added without breaking DKIM."""


class BeliefReason(StrEnum):
    """Reason why a mail is believed, or not."""

    DKIM = "dkim"
    ARC = "arc"
    RESULTS = "authentication_results"
    NO_RULES = "no_domains"
    TOO_LARGE = "too_large"
    MALFORMED = "malformed_header"
    TWICE = "field_twice"
    NO_SENDER = "no_sender"
    OTHER_SENDER = "other_sender"
    UNSIGNED = "unsigned"
    BODY_PART = "body_part_signed"
    NOT_VALID = "signature_not_valid"
    DNS_FAILED = "dns_failed"


@dataclass(frozen=True, slots=True)
class Belief:
    """Answer: believed, not believed, or None if it must be asked again later.

    `why` is a value of BeliefReason, behind `signature_not_valid` with what is wrong:
    `signature_not_valid: body altered`.
    """

    believed: bool | None
    why: str


@dataclass(frozen=True, slots=True)
class BeliefRules:
    """Whom a site believes. `domains` sign, `forwarders` seal, `authserv_ids` are own servers.

    Domains are compared in small letters. A subdomain is another domain.
    """

    domains: frozenset[str]
    forwarders: frozenset[str]
    authserv_ids: frozenset[str]
    resolver: TextRecords = field(repr=False)
    clock: Callable[[], datetime] = now

    @classmethod
    def of(
        cls,
        domains: Sequence[str],
        forwarders: Sequence[str],
        authserv_ids: Sequence[str],
        resolver: TextRecords,
    ) -> "BeliefRules":
        """Return the rules of these settings."""
        return cls(_lowered(domains), _lowered(forwarders), _lowered(authserv_ids), resolver)


def _lowered(names: Sequence[str]) -> frozenset[str]:
    return frozenset(name.lower().rstrip(".") for name in names)


async def belief_of(raw: bytes, rules: BeliefRules) -> Belief:
    """Return the belief in the message `raw`, as a whole.

    Pass the `raw` of a MailText: facts in an attached message need a signature of that message.
    Never raises.
    """
    if not rules.domains:
        return Belief(False, BeliefReason.NO_RULES)
    if not 0 < len(raw) <= SIZE_LIMIT:
        return Belief(False, BeliefReason.TOO_LARGE if raw else BeliefReason.MALFORMED)
    lines = crlf(raw)
    header = read_header(lines)
    reason = _defect_of(header, rules)
    if reason is not None:
        return Belief(False, reason)
    message = SignedMessage(header.fields, lines[header.body_at :])
    return await _Inquiry(header, message, rules).answer()


def _defect_of(header: Header, rules: BeliefRules) -> BeliefReason | None:
    """Return the reason why the header alone rules out belief."""
    if not header.is_whole:
        return BeliefReason.MALFORMED
    if any(len(header.all(name)) > 1 for name in _ONCE):
        return BeliefReason.TWICE
    sender = domain_of(header.value(b"from"))
    if sender is None:
        return BeliefReason.NO_SENDER
    if not any(_is_aligned(sender, domain) for domain in rules.domains):
        return BeliefReason.OTHER_SENDER
    return None


def _is_aligned(sender: str, domain: str) -> bool:
    """Return True if mail from `sender` may be signed by `domain`."""
    return sender == domain or sender.endswith(f".{domain}")


class _Inquiry:
    """The search for one who vouches for a message, with what was found wrong on the way."""

    def __init__(self, header: Header, message: SignedMessage, rules: BeliefRules) -> None:
        self._header = header
        self._message = message
        self._rules = rules
        sender = domain_of(header.value(b"from")) or ""
        self._domains = {domain for domain in rules.domains if _is_aligned(sender, domain)}
        self._signatures = [
            field
            for field in header.all(b"dkim-signature")
            if domain_of_signature(field) in self._domains
        ]
        self._dns_failed = False
        self._wrong: str | None = None

    async def answer(self) -> Belief:
        """Ask DKIM, then own servers, then forwarders."""
        if await self._by_dkim():
            return Belief(True, BeliefReason.DKIM)
        if any(map(covers_part, self._signatures)):
            # A server that says dkim=pass does not say how much of the body it covers.
            return Belief(False, BeliefReason.BODY_PART)
        if self._by_own_server():
            return Belief(True, BeliefReason.RESULTS)
        if await self._by_forwarder():
            return Belief(True, BeliefReason.ARC)
        if self._dns_failed:
            return Belief(None, BeliefReason.DNS_FAILED)
        if self._wrong is not None:
            return Belief(False, f"{BeliefReason.NOT_VALID}: {self._wrong}")
        return Belief(False, BeliefReason.UNSIGNED)

    async def _by_dkim(self) -> bool:
        rules, at = self._rules, self._rules.clock()
        for signature in self._signatures[:SIGNATURES_LIMIT]:
            try:
                await verify_dkim(self._message, signature, rules.resolver, at)
            except NotValid as error:
                self._wrong = self._wrong or str(error)
            except DnsFailed:
                self._dns_failed = True
            else:
                return True
        return False

    def _by_own_server(self) -> bool:
        """Return True if the topmost Authentication-Results is of a named server and passes.

        Only the topmost can be of the last server: those below may be the sender's.
        """
        fields = self._header.all(b"authentication-results")
        found = read_results(fields[0].value) if fields else None
        if found is None or found.authserv_id not in self._rules.authserv_ids:
            return False
        return self._passes(found)

    async def _by_forwarder(self) -> bool:
        rules = self._rules
        if not rules.forwarders:
            return False
        try:
            chain = chain_of(self._message)
            if not chain:
                return False
            trusted = await verify_chain(
                self._message, chain, rules.forwarders, rules.resolver, rules.clock()
            )
        except NotValid as error:
            self._wrong = self._wrong or f"ARC {error}"
            return False
        except DnsFailed:
            self._dns_failed = True
            return False
        return any(
            found is not None and self._passes(found)
            for found in (read_results(results_text(item)) for item in trusted)
        )

    def _passes(self, found: AuthenticationResults) -> bool:
        """Return True if a server found a valid signature of a named domain, or DMARC's pass."""
        for result in found.results:
            if result.result != "pass":
                continue
            told = result.properties
            if result.method == "dkim":
                domain = told.get("header.d") or told.get("header.i", "").rpartition("@")[2]
                if domain in self._domains:
                    return True
            elif result.method == "dmarc" and told.get("header.from") == self._sender():
                return True
        return False

    def _sender(self) -> str | None:
        return domain_of(self._header.value(b"from"))
