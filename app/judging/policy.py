"""Policy of judging: what the settings say about calls, relatives and releases."""

from collections.abc import Collection
from dataclasses import dataclass

from app.order_life.relatives import SendidScope
from app.order_life.release import ReleaseOn


@dataclass(frozen=True, slots=True)
class Policy:
    """The merchant's choices. Without `ip_codes`, every clientip is accepted."""

    ip_codes: Collection[str] = ()
    release_on: ReleaseOn = ReleaseOn.CONFIRMED
    sendid_scope: SendidScope = SendidScope.ORDER
