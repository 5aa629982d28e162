"""Policy of judging: what the settings say about calls, relatives and releases."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from app.judging.mail_times import MailUse
from app.order_life.relatives import Purchase, SendidScope, purchase_of
from app.order_life.release import ReleaseOn
from app.settings import Settings


@dataclass(frozen=True, slots=True)
class Policy:
    """The merchant's choices. Without `ip_codes`, every clientip is accepted."""

    ip_codes: Collection[str] = ()
    release_on: ReleaseOn = ReleaseOn.CONFIRMED
    sendid_scope: SendidScope = SendidScope.ORDER
    mails: MailUse = field(default_factory=MailUse, compare=False)

    def purchases_of(self, orders: Iterable[Mapping[str, str]]) -> set[Purchase]:
        """Return the purchases of orders with these values; none if a sendid names no purchase."""
        if self.sendid_scope is SendidScope.NONE:
            return set()
        return {purchase for purchase in map(purchase_of, orders) if purchase}


def policy_of(settings: Settings) -> Policy:
    """Return the policy that the settings choose."""
    return Policy(
        frozenset(settings.ip_codes),
        ReleaseOn(settings.release_on),
        SendidScope(settings.sendid_scope),
        mails=MailUse(settings.mail_mode != "off" and settings.mailbox_url is not None),
    )
