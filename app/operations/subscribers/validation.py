"""Validation of subscribers: URLs, event types and signing secrets."""

from collections.abc import Sequence
from dataclasses import dataclass

from app.events.signature import check_secret
from app.events.types import SUBSCRIBABLE, unknown_types
from app.network.address_rules import DestinationRefused, check_url
from app.operations.errors import NotAcceptable
from app.settings import Network, Settings


@dataclass(frozen=True, slots=True)
class UrlRules:
    """Rules of the settings for subscribers' URLs: plain http, and permitted private networks."""

    allow_http: bool = False
    networks: Sequence[Network] = ()

    @classmethod
    def of(cls, settings: Settings) -> "UrlRules":
        """Return the rules of RELAY_ALLOW_HTTP_SUBSCRIBERS and RELAY_SUBSCRIBER_NETWORKS."""
        return cls(settings.allow_http_subscribers, settings.subscriber_networks)


def check_subscriber_url(url: str, rules: UrlRules) -> None:
    """Raise NotAcceptable if the text of `url` shows that no webhook may be sent to it."""
    try:
        check_url(url, rules.allow_http, rules.networks)
    except DestinationRefused as error:
        raise NotAcceptable("url", str(error)) from None


def check_event_types(names: Sequence[str] | None) -> list[str] | None:
    """Return the types without repetition. Raise NotAcceptable if empty or if a name is unknown."""
    if names is None:
        return None
    if not names:
        raise NotAcceptable(
            "event_types", "Name at least one type, or omit the field for all types."
        )
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
