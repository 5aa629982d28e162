"""The JSON of RELAY_SUBSCRIBERS: fields of a declared subscriber, and valid combinations."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, SecretStr, model_validator

from app.settings.kinds import Duration

IN_FILES = ("secret", "token", "ca", "client_certificate")
"""Fields that can also be given as a file path, under their name with the suffix `_file`."""

_NOT_FOR_FEEDS = ("url", "secret", "asymmetric", "headers", "ca", "client_certificate")


class DeclaredSubscriber(BaseModel):
    """One entry of RELAY_SUBSCRIBERS, found by its name.

    Every start makes the subscriber equal to its declaration. A field that is left out keeps its
    value if it is `test`, `ordered`, `max_in_flight`, `timeout`, `rate_limit`, `headers`, `ca` or
    `client_certificate`.
    """

    model_config = ConfigDict(extra="forbid")

    name: Annotated[str, Field(min_length=1, max_length=100)]
    url: str | None = None
    feed: bool = False
    events: list[str] | None = None
    customer: bool = False
    test: str = "exclude"
    ordered: bool = True
    max_in_flight: int = 16
    timeout: Duration | None = None
    rate_limit: int | None = None
    headers: dict[str, SecretStr] | None = None
    ca: str | None = None
    ca_file: Path | None = None
    client_certificate: SecretStr | None = None
    client_certificate_file: Path | None = None
    secret: SecretStr | None = None
    secret_file: Path | None = None
    asymmetric: bool = False
    token: SecretStr | None = None
    token_file: Path | None = None

    @model_validator(mode="after")
    def _goes_together(self) -> Self:
        for field in IN_FILES:
            if getattr(self, field) is not None and getattr(self, f"{field}_file") is not None:
                raise ValueError(f"{field}: is given twice, also as {field}_file")
        (_check_feed if self.feed else _check_sent)(self)
        return self

    def has(self, field: str) -> bool:
        """Return True when a field is given, itself or as a file."""
        return bool(getattr(self, field)) or bool(getattr(self, f"{field}_file", None))


def _check_feed(declared: DeclaredSubscriber) -> None:
    for field in _NOT_FOR_FEEDS:
        if declared.has(field):
            raise ValueError(f"{field}: a subscriber that polls a feed has none")
    if not declared.has("token"):
        raise ValueError("token: a subscriber that polls a feed needs token or token_file")


def _check_sent(declared: DeclaredSubscriber) -> None:
    if not declared.url:
        raise ValueError("url: a subscriber needs one, unless it has feed")
    if declared.has("token"):
        raise ValueError("token: only a subscriber with feed has one")
    if declared.has("secret") == declared.asymmetric:
        raise ValueError("secret: a subscriber needs either secret or secret_file, or asymmetric")
