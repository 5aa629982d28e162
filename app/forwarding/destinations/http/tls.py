"""TLS contexts for connections to subscribers: trusted CAs and client certificates."""

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
    """Make TLS contexts and keep them: only subscribers with the same context share connections."""

    def __init__(self, ca_file: Path | None = None) -> None:
        """Trust the CAs in `ca_file` (PEM) beside the system's."""
        self._ca_file = ca_file
        self._made: dict[tuple[str | None, str | None], ssl.SSLContext] = {}

    def context(self, options: ConnectionOptions) -> ssl.SSLContext:
        """Return the context for a subscriber.

        Raise ssl.SSLError for unusable certificates, OSError for an unreadable file.
        """
        key = (options.ca, options.client_certificate)
        made = self._made.get(key)
        if made is None:
            if len(self._made) >= _CONTEXTS:
                self._made.clear()
            made = self._made[key] = make_context(*key, added=self._added)
        return made

    @cached_property
    def _added(self) -> str | None:
        """The text of `ca_file`, read once: its disk may hang later, in the event loop's thread."""
        return read_configured(self._ca_file).decode("ascii", "ignore") if self._ca_file else None


def make_context(
    ca: str | None, client_certificate: str | None, *, added: str | None = None
) -> ssl.SSLContext:
    """Return a TLS context that trusts the CAs in `ca` alone.

    Without `ca` it trusts the system's CAs and those in `added`. A server that asks for it gets
    `client_certificate`. Raise ssl.SSLError or OSError for certificates that cannot be loaded.
    """
    context = ssl.create_default_context(cadata=ca) if ca else ssl.create_default_context()
    if added is not None and not ca:
        # Empty text would raise another error.
        context.load_verify_locations(cadata=added or "\n")
    if client_certificate is not None:
        with _as_file(client_certificate) as path:
            # With a password, an encrypted key fails instead of asking at a terminal.
            context.load_cert_chain(path, password="")
    return context


@contextmanager
def _as_file(text: str) -> Iterator[str]:
    """Yield the path of a file with `text`, because `ssl` reads keys from files only.

    The file is in memory where the system supports that.
    """
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
