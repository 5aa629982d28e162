"""Arguments of asyncpg for a database URL: TLS, user and kind of server."""

import os
import ssl
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

from app.settings.database_url import DatabaseUrl


def driver_arguments(url: DatabaseUrl) -> dict[str, Any]:
    """Return keyword arguments of `asyncpg.connect`, except hosts and limits.

    Raises OSError when a certificate file cannot be read.
    """
    arguments = {
        "user": url.user,
        "password": url.password,
        "database": url.database,
        "passfile": url.passfile and Path(url.passfile),
        "target_session_attrs": url.target,
        "dsn": f"postgresql:///?{urlencode(url.driver, quote_via=quote)}" if url.driver else None,
        "ssl": _system_tls(dict(url.driver)),
    }
    return {name: value for name, value in arguments.items() if value is not None}


def _system_tls(driver: dict[str, str]) -> ssl.SSLContext | None:
    """Return a TLS context with the system's certificate authorities, or None for the driver's own.

    The system's apply when a certificate must be verified and no authorities are named. libpq and
    the driver would fail there, although public authorities sign the certificates of hosting
    services.
    """
    mode, roots = driver.get("sslmode"), driver.get("sslrootcert")
    own_roots = roots is not None or "PGSSLROOTCERT" in os.environ or _home_roots().exists()
    if roots != "system" and (mode not in ("verify-ca", "verify-full") or own_roots):
        return None
    context = ssl.create_default_context()
    context.check_hostname = mode != "verify-ca"
    context.set_alpn_protocols(["postgresql"])
    if "sslcert" in driver:
        context.load_cert_chain(driver["sslcert"], driver.get("sslkey"), driver.get("sslpassword"))
    return context


def _home_roots() -> Path:
    return Path(os.path.expanduser("~/.postgresql/root.crt"))  # noqa: PTH111 - no home is no error
