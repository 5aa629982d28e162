"""Policy of judging: what the settings say about calls, relatives, releases and references."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from app.db.driver.direct import Statements
from app.judging.statements.mail_times import MailUse
from app.order_life.relatives import Purchase, SendidScope, purchase_of
from app.order_life.release import ReleaseOn
from app.settings import Settings


class References(Protocol):
    """Knows the keys of references."""

    def signed(self, text: str, clientip: str) -> bool:
        """Return True if one of the keys signed this reference for this IPコード."""

    async def read(self, session: Statements) -> None:
        """Learn the keys that other processes use."""


@dataclass(frozen=True, slots=True)
class Policy:
    """The merchant's choices. Without `ip_codes`, every clientip is accepted.

    Without `references`, every sendpoint is the merchant's own. `applies` tells that the relay
    applies for slips, so that an order can be one of its own without a reference.
    """

    ip_codes: Collection[str] = ()
    release_on: ReleaseOn = ReleaseOn.CONFIRMED
    sendid_scope: SendidScope = SendidScope.ORDER
    mails: MailUse = field(default_factory=MailUse, compare=False)
    references: References | None = None
    require_reference: bool = False
    applies: bool = False

    def purchases_of(self, orders: Iterable[Mapping[str, str]]) -> set[Purchase]:
        """Return the purchases of orders with these values; none if a sendid names no purchase."""
        if self.sendid_scope is SendidScope.NONE:
            return set()
        return {purchase for purchase in map(purchase_of, orders) if purchase}


def policy_of(settings: Settings, references: References | None = None) -> Policy:
    """Return the policy that the settings choose. Whoever judges calls gives `references`."""
    return Policy(
        frozenset(settings.ip_codes),
        ReleaseOn(settings.release_on),
        SendidScope(settings.sendid_scope),
        MailUse(settings.reads_mailbox),
        references,
        settings.require_reference,
        settings.application_url is not None,
    )
