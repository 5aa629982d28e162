"""Database URL parser: reads RELAY_DATABASE_URL in the spellings that hosting services hand out.

The parameters are those of libpq (PostgreSQL manual, "Connection Strings"), and of JDBC, Prisma and
SQLAlchemy where services print them. Each is honoured, ignored with a log line, or rejected.
"""

import difflib
import os
import re
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote, urlsplit

from app.settings.database_url_parameters import (
    ALIASES,
    DRIVER,
    IGNORED,
    REJECTED,
    SERVER_SETTINGS,
    TARGETS,
    TLS_FILES,
    TLS_MODES,
)

Host = tuple[str, int | None]
"""A name, an address or a socket directory, and a port or None for the default port."""

_SCHEME = re.compile(r"postgres(ql)?(\+[a-z0-9]+)?", re.ASCII)
_ADDRESS = r"[0-9A-Fa-f:.]+(%[0-9A-Za-z._~-]+)?"
_HOST = re.compile(rf"[0-9A-Za-z._~-]*|{_ADDRESS}|\[{_ADDRESS}\]|/.*", re.ASCII)
_ESCAPES = "in its user and password write / as %2F, ? as %3F, # as %23, @ as %40 and % as %25"
_YES = frozenset({"1", "true", "on", "yes"})
_NO = frozenset({"0", "false", "off", "no"})
_HONOURED = frozenset(
    {
        *SERVER_SETTINGS,
        *DRIVER,
        "application_name",
        "channel_binding",
        "connect_timeout",
        "dbname",
        "gssencmode",
        "host",
        "passfile",
        "password",
        "pgbouncer",
        "pool_mode",
        "port",
        "target_session_attrs",
        "user",
    }
)
_VERIFIED = ("verify-ca", "verify-full")


class WrongDatabaseUrl(ValueError):
    """A database URL that cannot be used. The text is fit for a terminal and holds no password."""


@dataclass(frozen=True, slots=True)
class DatabaseUrl:
    """One database: its hosts, who connects, and how.

    `hosts` holds names, addresses or socket directories, each with a port or None for the default
    one. Without hosts, the driver tries its default places. `driver` holds parameters that asyncpg
    reads from a URL itself. `connect_timeout` is in seconds, for each host.
    """

    hosts: tuple[Host, ...]
    user: str | None
    password: str | None = field(repr=False)
    database: str | None
    passfile: str | None
    connect_timeout: float | None
    target: str | None
    application: str | None
    pooled: bool
    driver: tuple[tuple[str, str], ...] = field(repr=False)
    server_settings: tuple[tuple[str, str], ...]
    ignored: tuple[str, ...]


@lru_cache(maxsize=16)
def read_database_url(text: str) -> DatabaseUrl:
    """Return a parsed URL; raises WrongDatabaseUrl, whose text never holds the password."""
    user, password, places, name, query = _split(text)
    given, ignored = _known(_parameters(query))
    hosts = _hosts(places, given.pop("host", ""), given.pop("port", ""))
    driver = _driver(given)
    return DatabaseUrl(
        hosts=hosts,
        user=given.get("user") or user or None,
        password=given.get("password") or password or None,
        database=given.get("dbname") or name or None,
        passfile=given.get("passfile"),
        connect_timeout=_timeout(given.get("connect_timeout")),
        target=_chosen(given, "target_session_attrs", TARGETS),
        application=given.get("application_name"),
        pooled=given.get("pgbouncer") in _YES or given.get("pool_mode") == "transaction",
        driver=tuple(driver.items()),
        server_settings=tuple((key, given[key]) for key in SERVER_SETTINGS if key in given),
        ignored=tuple(sorted({*ignored, *(given.keys() & {"channel_binding", "gssencmode"})})),
    )


def _split(text: str) -> tuple[str, str, str, str, str]:
    """Return user, password, hosts, database and query; hosts and query are still escaped."""
    scheme, separator, rest = _bare(text).partition("://")
    if not separator or not _SCHEME.fullmatch(scheme):
        raise WrongDatabaseUrl("must be a postgresql:// URL")
    if "#" in rest:
        raise WrongDatabaseUrl(f"holds a #; {_ESCAPES}")
    try:
        parts = urlsplit(f"postgresql://{rest}")
    except ValueError:  # a bracket out of place
        raise WrongDatabaseUrl(f"its host cannot be read; {_ESCAPES}") from None
    credentials, _, places = parts.netloc.rpartition("@")
    user, _, password = credentials.partition(":")
    path = parts.path.removeprefix("/")
    # An @ behind the ? is the one before the host: the "query" is a piece of the password.
    late = "@" in parts.query and places and not credentials
    if "/" in path or "@" in path or late:
        raise WrongDatabaseUrl(f"a / or ? is in the wrong place; {_ESCAPES}")
    user, password = _decoded(user, "user"), _decoded(password, "password")
    return user, password, places, _decoded(path, "database"), parts.query


def _bare(text: str) -> str:
    """Return the URL without the blanks and quotes that were copied with it."""
    text = text.strip()
    if len(text) > 1 and text[0] == text[-1] and text[0] in "\"'":
        text = text[1:-1].strip()
    return text


def _decoded(text: str, what: str) -> str:
    try:
        decoded = unquote(text, errors="strict")
    except UnicodeDecodeError:
        raise WrongDatabaseUrl(f"its {what} is not UTF-8 once %XX are read as bytes") from None
    if any(character < " " or character == "\x7f" for character in decoded):
        raise WrongDatabaseUrl(f"its {what} holds a control character")
    return decoded


def _parameters(query: str) -> dict[str, str]:
    """Return the parameters by libpq's names. A + stays a +, as in libpq; the last value wins."""
    given = {}
    for pair in filter(None, query.split("&")):
        key, _, value = pair.partition("=")
        name = _decoded(key, "list of parameters").strip()
        given[ALIASES.get(name.lower(), name)] = _decoded(value, "list of parameters")
    return given


def _known(given: dict[str, str]) -> tuple[dict[str, str], list[str]]:
    """Return honoured parameters and names of ignored ones; raises WrongDatabaseUrl for others."""
    _read_spellings_of_tls(given)
    ignored = sorted(name for name in given if name.lower() in IGNORED)
    for name in sorted(given.keys() & REJECTED.keys()):
        raise WrongDatabaseUrl(f"{name} cannot be used: {REJECTED[name]}")
    if given.get("gssencmode") == "require":
        raise WrongDatabaseUrl("gssencmode=require cannot be kept; write sslmode=verify-full")
    if given.get("channel_binding") == "require" and given.get("sslmode") not in _VERIFIED:
        # A verified certificate prevents the same attack.
        raise WrongDatabaseUrl(
            "channel_binding=require cannot be kept by the driver; write sslmode=verify-full, "
            "which keeps a server in the middle away too"
        )
    for name in sorted(given.keys() - _HONOURED - set(ignored)):
        near = difflib.get_close_matches(name, _HONOURED, n=1)
        hint = f"did you mean {near[0]}?" if near else "remove it"
        raise WrongDatabaseUrl(f"there is no parameter {_shown(name)}; {hint}")
    return {name: value for name, value in given.items() if name in _HONOURED}, ignored


def _read_spellings_of_tls(given: dict[str, str]) -> None:
    """Turn `ssl=true` (JDBC; libpq reads it so) and Prisma's `sslaccept` into an sslmode."""
    mode = given.pop("ssl", "").lower()
    mode = "disable" if mode in _NO else "require" if mode in _YES else mode
    if given.pop("sslaccept", "") == "strict":
        mode = "verify-full"
    if mode:
        given.setdefault("sslmode", mode)


def _driver(given: dict[str, str]) -> dict[str, str]:
    """Return the driver's parameters. Checked here, since its own errors suit programmers."""
    mode = _chosen(given, "sslmode", TLS_MODES)
    if mode is not None:
        given["sslmode"] = mode
    for name in TLS_FILES:
        path = given.get(name)
        if not path or mode == "disable" or (name == "sslrootcert" and path == "system"):
            continue
        if not (Path(path).is_file() and os.access(path, os.R_OK)):
            raise WrongDatabaseUrl(f"{name} names {path!r}, which is no file that can be read")
    if given.get("sslrootcert") == "system" and mode is None:
        given["sslmode"] = "verify-full"  # as libpq does
    _chosen(given, "sslnegotiation", {"postgres": "", "direct": ""})
    if given.get("sslnegotiation") == "direct" and mode not in ("require", *_VERIFIED):
        raise WrongDatabaseUrl("sslnegotiation=direct needs sslmode=require or verify-full")
    for name in ("ssl_min_protocol_version", "ssl_max_protocol_version"):
        _chosen(given, name, {"TLSv1.2": "", "TLSv1.3": ""})
    _chosen(given, "gsslib", {"gssapi": "", "sspi": ""})
    return {name: given[name] for name in DRIVER if name in given}


def _chosen(given: dict[str, str], name: str, choices: dict[str, str]) -> str | None:
    value = given.get(name)
    if value is None:
        return None
    for spelling in (value, value.lower()):
        if spelling in choices:
            return choices[spelling]
    raise WrongDatabaseUrl(f"{name} must be one of {', '.join(choices)}")


def _timeout(value: str | None) -> float | None:
    """Return seconds, or None for 0 and less: forever in libpq, but our own limit here."""
    if value is None:
        return None
    if not re.fullmatch(r"-?[0-9]{1,6}", value):
        raise WrongDatabaseUrl("connect_timeout must be a number of seconds")
    return float(value) if int(value) > 0 else None


def _hosts(places: str, host: str, port: str) -> tuple[Host, ...]:
    """Return hosts and ports of the URL itself, or of the parameters `host` and `port`."""
    if places and host:
        raise WrongDatabaseUrl("names a host in front of the / and another as a parameter")
    named = host or places
    if not named:
        return ()
    pairs = [_host_and_port(part) for part in named.split(",")]
    ports = [_port(part) for part in port.split(",")] if port else []
    if len(ports) == 1:
        ports *= len(pairs)
    if ports and len(ports) != len(pairs):
        raise WrongDatabaseUrl("port must name one port, or one for each host")
    if ports:
        pairs = [(name, own or other) for (name, own), other in zip(pairs, ports, strict=True)]
    return tuple(pairs)


def _host_and_port(text: str) -> Host:
    name, separator, port = text, "", ""
    if re.search(r":[^\]]*$", text) and (text.startswith("[") or text.count(":") == 1):
        name, separator, port = text.rpartition(":")
    name = _decoded(name, "host")
    if not _HOST.fullmatch(name):
        raise WrongDatabaseUrl(f"a host cannot be read; {_ESCAPES}")
    return name.strip("[]") or "localhost", _port(_decoded(port, "port")) if separator else None


def _port(text: str) -> int | None:
    if not text:
        return None
    if not re.fullmatch(r"[0-9]{1,5}", text, re.ASCII) or not 0 < int(text) < 65536:
        raise WrongDatabaseUrl(f"a port is not a number from 1 to 65535; {_ESCAPES}")
    return int(text)


def _shown(name: str) -> str:
    """Return a parameter name if it looks like one.

    With an unescaped ? it may be a piece of the password, which must not be shown.
    """
    return name if re.fullmatch(r"[a-zA-Z_]{1,40}", name, re.ASCII) else "of that spelling"
