"""Value types of settings, each read from text."""

import ipaddress
import re
from datetime import timedelta
from typing import Annotated

from pydantic import BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

Network = ipaddress.IPv4Network | ipaddress.IPv6Network

_DURATION = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d)?")
_UNIT_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86400, None: 1}
_SIZE = re.compile(r"(\d+)\s*(B|KiB|MiB|GiB)?")
_UNIT_BYTES = {"B": 1, "KiB": 1024, "MiB": 1024**2, "GiB": 1024**3, None: 1}


def parse_size(value: object) -> int:
    """Read `512MiB`, `1GiB` or a bare number of bytes; raises ValueError for anything else."""
    match = _SIZE.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a size such as 512MiB or 1GiB")
    return int(match[1]) * _UNIT_BYTES[match[2]]


def split(value: object) -> object:
    """Return the items of a comma-separated text; any other value unchanged."""
    return (
        [part.strip() for part in value.split(",") if part.strip()]
        if isinstance(value, str)
        else value
    )


def network(value: object) -> Network:
    """Return a network from its CIDR; raises ValueError for anything else."""
    if isinstance(value, ipaddress.IPv4Network | ipaddress.IPv6Network):
        return value
    return ipaddress.ip_network(str(value))


def parse_duration(value: object) -> timedelta:
    """Read `5s`, `30m`, `2h`, `1.5d`, `250ms` or a bare number of seconds.

    Raises ValueError for anything else.
    """
    if isinstance(value, timedelta):
        return value
    match = _DURATION.fullmatch(str(value).strip())
    if match is None:
        raise ValueError(f"{value!r} is not a duration such as 5s, 30m or 2h")
    return timedelta(seconds=float(match[1]) * _UNIT_SECONDS[match[2]])


Networks = Annotated[
    list[Annotated[Network, BeforeValidator(network)]], NoDecode, BeforeValidator(split)
]
Duration = Annotated[timedelta, BeforeValidator(parse_duration)]
Durations = Annotated[list[Duration], NoDecode, BeforeValidator(split), Field(min_length=1)]
Names = Annotated[list[str], NoDecode, BeforeValidator(split)]
Secrets = Annotated[list[SecretStr], NoDecode, BeforeValidator(split)]
Size = Annotated[int, BeforeValidator(parse_size)]
Port = Annotated[int, Field(ge=0, le=65535)]
