"""TLS towards subscribers: whom to trust, and as whom to come."""

import os
import ssl
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path

from app.configured_files import read_configured
from app.forwarding.destinations.connection_options import ConnectionOptions

_CONTEXTS = 1_000


class TlsContexts:
    """Makes TLS contexts for subscribers and keeps them: connections are shared only by those with the same one."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """`ca_file` holds authorities, as PEM, that are trusted beside the system's."""
        self._ca_file = ca_file
        self._made: dict[tuple[str | None, str | None], ssl.SSLContext] = {}

    def context(self, transport: ConnectionOptions) -> ssl.SSLContext:
        """The context for a subscriber; raises ssl.SSLError for certificates that cannot be used, OSError for a file."""
        key = (transport.ca, transport.client_certificate)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _CONTEXTS:
                self._made.clear()
            made = self._made[key] = make_context(*key, added=self._added)
        return made

    @cached_property
    def _added(self) -> str | None:
        """The text of `ca_file`, read once: its disk may hang later, when others wait for this thread."""
        return read_configured(self._ca_file).decode("ascii", "ignore") if self._ca_file else None


def make_context(
    ca: str | None, client_certificate: str | None, *, added: str | None = None
) -> ssl.SSLContext:
    """A TLS context that trusts the authorities in `ca` alone, or without them the system's and those in `added`.

    `client_certificate` is shown to a server that asks for one. Raises ssl.SSLError or OSError for what cannot be loaded.
    """
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context()
    if added is not None and not ca:
        context.load_verify_locations(cadata=added or "\n")  # empty text is refused in another way
    if client_certificate is not None:
        with _as_file(client_certificate) as path:
            context.load_cert_chain(
                path, password=""
            )  # an encrypted key fails instead of asking at a terminal
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """A path under which `ssl`, which reads keys from files only, finds the text: in memory where the system can do that."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate", os.MFD_CLOEXEC)
        with os.fdopen(descriptor, "w") as file:
            file.write(text)
            file.flush()
            yield f"/proc/self/fd/{descriptor}"
        return
    with tempfile.TemporaryDirectory() as directory:
        path = Path(directory, "client-certificate")
        path.touch(0o600)
        path.write_text(text)
        yield str(path)
