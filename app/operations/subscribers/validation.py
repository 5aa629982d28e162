"""What a subscriber may be: its name, where it may be, what it may ask for, and how its secret must look."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.events.signature import check_secret
from app.events.types import SUBSCRIBABLE, unknown_types
from app.network.address_rules import DestinationRefused, check_url
from app.operations.errors import NotAcceptable
from app.settings import Network, Settings


@dataclass(frozen=True, slots=True)
class UrlRules:
    """What the settings allow of a subscriber's URL: plain http, and the private networks an address in it may lie in."""

    allow_http: bool = False
    networks: Sequence[Network] = ()

    @classmethod
    def of(cls, settings: Settings) -> "UrlRules":
        """The rules that RELAY_ALLOW_HTTP_SUBSCRIBERS and RELAY_SUBSCRIBER_NETWORKS make."""
        return cls(settings.allow_http_subscribers, settings.subscriber_networks)


def check_subscriber_url(url: str, rules: UrlRules) -> None:
    """Raise NotAcceptable unless webhooks may be sent to `url`, as far as its text tells."""
    try:
        check_url(url, rules.allow_http, rules.networks)
    except DestinationRefused as refused:
        raise NotAcceptable("url", str(refused)) from None


def check_event_types(names: Sequence[str] | None) -> list[str] | None:
    """The types without repetition; raises NotAcceptable for an empty list and for names that are no types."""
    if names is None:
        return None
    if not names:
        raise NotAcceptable("event_types", "Name at least one type, or none at all for every type.")
    if unknown_types(list(names)):
        raise NotAcceptable(
            "event_types", f"An event type is one of {', '.join(sorted(SUBSCRIBABLE))}."
        )
    return list(dict.fromkeys(names))


def check_signing_secret(secret: str) -> None:
    """Raise NotAcceptable unless webhooks can be signed with `secret`."""
    try:
        check_secret(secret)
    except ValueError as error:
        raise NotAcceptable("secret", f"{error}.") from None
