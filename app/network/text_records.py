"""TXT records out of DNS, with time limits and a small cache."""

from collections.abc import Sequence
from time import monotonic
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    import dns.asyncresolver

LIFETIME_S: Final = 5.0
"""Time for one question, over all name servers and tries."""
FAILED_S: Final = 30.0
"""Time for which a failure is the answer: many mails ask for one key."""
KEPT_S: Final = 300.0
"""Time for which an answer is used again at most."""
_NAMES_KEPT: Final = 1_000
_RECORDS_LIMIT: Final = 10


class DnsFailed(Exception):
    """No name server answered. The same question may be answered later."""


class TextRecordResolver:
    """Asks the name servers of this machine, or others, for TXT records.

    dnspython reads the whole record over TCP where it does not fit into UDP, as long keys do not.
    """

    def __init__(
        self,
        resolver: "dns.asyncresolver.Resolver | None" = None,
        lifetime_s: float = LIFETIME_S,
        failed_s: float = FAILED_S,
    ) -> None:
        """Use `resolver`, or what /etc/resolv.conf says. `lifetime_s` is the time of a question."""
        self._resolver = resolver
        self._lifetime_s = lifetime_s
        self._failed_s = failed_s
        self._known: dict[str, tuple[float, Sequence[bytes] | DnsFailed]] = {}

    async def texts(self, name: str) -> Sequence[bytes]:
        """Return the TXT records of `name`; none if there is no such name. Raise DnsFailed."""
        known = self._known.get(name)
        if known is None or monotonic() >= known[0]:
            known = await self._ask_and_keep(name)
        if isinstance(known[1], DnsFailed):
            raise DnsFailed(str(known[1])) from known[1]
        return known[1]

    async def _ask_and_keep(self, name: str) -> tuple[float, Sequence[bytes] | DnsFailed]:
        """Return the end of an answer's time, and the answer."""
        answer: Sequence[bytes] | DnsFailed
        try:
            answer, kept_s = await self._ask(name)
        except DnsFailed as failed:
            answer, kept_s = failed, self._failed_s
        self._known.pop(name, None)
        self._known[name] = known = (monotonic() + kept_s, answer)
        if len(self._known) > _NAMES_KEPT:
            del self._known[next(iter(self._known))]
        return known

    async def _ask(self, name: str) -> tuple[Sequence[bytes], float]:
        """Return the records, and for how long they may be used again."""
        # Most workers read no mail and ask nothing: they save the memory.
        import dns.asyncresolver
        import dns.exception
        import dns.name
        import dns.resolver

        try:
            full_name = dns.name.from_text(name)
        except (dns.exception.DNSException, UnicodeError):
            return (), 0.0  # it cannot exist
        try:
            if self._resolver is None:
                self._resolver = dns.asyncresolver.Resolver()
            answer = await self._resolver.resolve(
                full_name, "TXT", lifetime=self._lifetime_s, search=False
            )
        except (dns.resolver.NXDOMAIN, dns.resolver.NoAnswer):
            return (), 0.0
        except (dns.exception.DNSException, OSError, EOFError) as error:
            raise DnsFailed(type(error).__name__) from error
        records = [b"".join(record.strings) for record in answer][:_RECORDS_LIMIT]
        return records, min(KEPT_S, float(answer.rrset.ttl if answer.rrset else 0))
