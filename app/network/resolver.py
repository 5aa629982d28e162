"""DNS lookups for outgoing connections, pinned to checked addresses."""

import asyncio
import ipaddress
import socket
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from time import monotonic

from app.metrics import lookups_made
from app.network.address_rules import Address, check_address
from app.network.lookups import Lookup, LookupLimits, Lookups, PendingLookup
from app.settings import Network

# Codes of getaddrinfo that are an answer of the name server. Every other code means no answer.
NO_SUCH_NAME = frozenset({socket.EAI_NONAME, getattr(socket, "EAI_NODATA", socket.EAI_NONAME)})
FALLBACK_S = 0.25
"""Time after which a lookup falls back to the addresses of the last one, if there are any."""
KEPT_S = 24 * 3600.0
"""Time for which the addresses of a name are used while its name server gives no answer."""
PATIENCE_S = 1.0
"""Time for which a name without known addresses waits for a thread."""
_FRESH_S = 1.0
_NAMES_KEPT = 10_000


def system_lookup(host: str) -> list[Address]:
    """Return the addresses of `host` as this machine resolves it.

    Blocks. Raises socket.gaierror.
    """
    found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    # Only link-local addresses have a zone (`%eth0`). They are rejected, or reached without it.
    return list(
        dict.fromkeys(ipaddress.ip_address(str(entry[4][0]).partition("%")[0]) for entry in found)
    )


@dataclass(slots=True)
class _Known:
    addresses: Sequence[Address]
    found_at: float


class VettingResolver:
    """Resolves names to checked addresses, to connect to without a new lookup.

    One forbidden address rejects the whole name: the name's other addresses cannot be trusted.
    Addresses used again because the name server is slow or silent are checked again.
    """

    def __init__(
        self,
        networks: Sequence[Network],
        lookup: Lookup = system_lookup,
        limits: LookupLimits | None = None,
        *,
        check: Callable[[Address], None] | None = None,
    ) -> None:
        """Allow `networks` beside public addresses. `lookup` runs in a thread and may block.

        `check` replaces this rule: it raises DestinationRefused for a forbidden address.
        """
        self._check = check or partial(check_address, networks=networks)
        self._lookups = Lookups(lookup, limits)
        self._known: dict[str, _Known] = {}

    async def begin(self, host: str, patience_s: float | None = PATIENCE_S) -> bool:
        """Wait until the lookup of `host` has a thread or is not needed; return False without one.

        The wait lasts at most `patience_s` seconds, or without limit for None. A name whose last
        lookup was slow does not wait, unless `patience_s` is None.
        """
        if self._last(host) is not None:
            return True
        pending = self._ask(host)
        if pending.began.done():
            return True
        pending.waiters += 1
        try:
            await asyncio.wait(
                {pending.began},
                timeout=0 if pending.slow and patience_s is not None else patience_s,
            )
        finally:
            pending.waiters -= 1
            self._lookups.drop(pending)
        if not pending.began.done():
            lookups_made.labels("no_thread").inc()
        return pending.began.done()

    async def addresses(self, host: str) -> Sequence[Address]:
        """Return the checked addresses of `host`.

        Raises DestinationRefused for a forbidden one, and socket.gaierror when there are none.
        """
        addresses = await self._addresses(host)
        for address in addresses:
            self._check(address)
        return addresses

    def close(self) -> None:
        """Cancel lookups that have not begun."""
        self._lookups.close()

    async def _addresses(self, host: str) -> Sequence[Address]:
        known = self._last(host)
        if known is not None and monotonic() - known.found_at < _FRESH_S:
            return known.addresses
        pending = self._ask(host)
        pending.waiters += 1
        try:
            patience_s = None if known is None else FALLBACK_S if pending.began.done() else 0
            await asyncio.wait({pending.answer}, timeout=patience_s)
        finally:
            pending.waiters -= 1
            self._lookups.drop(pending)
        if known is not None and not (pending.answer.done() and _is_answered(pending)):
            lookups_made.labels("fallback").inc()
            return known.addresses
        return pending.answer.result()

    def _ask(self, host: str) -> PendingLookup:
        pending = self._lookups.ask(host)
        if not pending.noted:
            pending.noted = True
            pending.answer.add_done_callback(lambda _answer: self._note(pending))
        return pending

    def _note(self, pending: PendingLookup) -> None:
        """Store the addresses found; remove a name that no longer exists."""
        if pending.answer.cancelled():
            return
        error = pending.answer.exception()
        lookups_made.labels("found" if error is None else "failed").inc()
        if error is None:
            self._known.pop(pending.host, None)
            self._known[pending.host] = _Known(pending.answer.result(), monotonic())
            if len(self._known) > _NAMES_KEPT:
                del self._known[next(iter(self._known))]
        elif _is_answered(pending):
            self._known.pop(pending.host, None)

    def _last(self, host: str) -> _Known | None:
        known = self._known.get(host)
        return known if known is not None and monotonic() - known.found_at < KEPT_S else None


def _is_answered(pending: PendingLookup) -> bool:
    """Return True when the name server has answered: with addresses, or that there are none."""
    if pending.answer.cancelled():
        return False
    error = pending.answer.exception()
    return error is None or (isinstance(error, socket.gaierror) and error.errno in NO_SUCH_NAME)
