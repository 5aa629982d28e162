"""Variables that Kubernetes (`enableServiceLinks`) and Docker links add for services.

A Service called `relay-public` makes RELAY_PUBLIC_SERVICE_HOST,
RELAY_PUBLIC_PORT=tcp://10.96.0.7:8000, RELAY_PUBLIC_PORT_8000_TCP_ADDR and more in every container
of its namespace. They have the prefix of our settings, and one can have the name of a setting. A
variable counts as made for a service only if its name and value have the form of
https://kubernetes.io/docs/tutorials/services/connect-applications-service/#environment-variables
and if the same service also has the variable with the URL of a port. Every other name is a typing
error.
"""

import ipaddress
import os
import re
from collections.abc import Callable, Mapping

_URL = re.compile(r"(?:tcp|udp|sctp)://(\[[^\]]+\]|[^:/\[\]]+):([0-9]{1,5})")
_OF_PORT = r"_PORT_[0-9]{1,5}_(?:TCP|UDP|SCTP)"
_NAMES_A_SERVICE = re.compile(rf"(RELAY(?:_[A-Z0-9_]+?)?)(?:_PORT|{_OF_PORT})")


def service_variables(environment: Mapping[str, str] | None = None) -> list[str]:
    """Return the names of variables with our prefix that were made for services, sorted."""
    environment = os.environ if environment is None else environment
    ours = {name: value for name, value in environment.items() if name.startswith("RELAY_")}
    services = {
        found[1]
        for name, value in ours.items()
        if (found := _NAMES_A_SERVICE.fullmatch(name)) and _is_url(value)
    }
    return sorted(
        name
        for name, value in ours.items()
        if any(_is_made_for(service, name, value) for service in services)
    )


def _is_made_for(service: str, name: str, value: str) -> bool:
    if not name.startswith(service):
        return False
    ending = name.removeprefix(service)
    return any(pattern.fullmatch(ending) and is_value(value) for pattern, is_value in _FORMS)


def _is_address(value: str) -> bool:
    try:
        ipaddress.ip_address(value.strip("[]"))
    except ValueError:
        return False
    return True


def _is_port(value: str) -> bool:
    return value.isascii() and value.isdigit() and 0 < int(value) <= 65535


def _is_url(value: str) -> bool:
    match = _URL.fullmatch(value)
    return match is not None and _is_address(match[1]) and _is_port(match[2])


def _is_protocol(value: str) -> bool:
    return value in ("tcp", "udp", "sctp")


_FORMS: tuple[tuple[re.Pattern[str], Callable[[str], bool]], ...] = (
    (re.compile("_SERVICE_HOST"), _is_address),
    (re.compile("_SERVICE_PORT(?:_[A-Z0-9_]+)?"), _is_port),
    (re.compile(f"_PORT|{_OF_PORT}"), _is_url),
    (re.compile(f"{_OF_PORT}_PROTO"), _is_protocol),
    (re.compile(f"{_OF_PORT}_PORT"), _is_port),
    (re.compile(f"{_OF_PORT}_ADDR"), _is_address),
)
