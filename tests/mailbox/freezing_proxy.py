"""TCP proxy that can fall silent, as a NAT does that has forgotten a connection."""

import select
import socket
import threading
from contextlib import suppress


class FreezingProxy:
    """Passes bytes on to a port of this machine until it is frozen, then drops them."""

    def __init__(self, target: int) -> None:
        self._target = target
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._frozen: set[socket.socket] = set()
        self._open: set[socket.socket] = set()
        self.connections = 0
        threading.Thread(target=self._accept, daemon=True).start()

    def freeze(self) -> None:
        """Fall silent for the connections that exist now. New ones work."""
        self._frozen |= self._open

    def close(self) -> None:
        """End everything."""
        for sock in (self._listener, *self._open):
            with suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            sock.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self.connections += 1
                server = socket.create_connection(("127.0.0.1", self._target))
                self._open |= {client, server}
                threading.Thread(target=self._pass, args=(client, server), daemon=True).start()

    def _pass(self, client: socket.socket, server: socket.socket) -> None:
        others = {client: server, server: client}
        with suppress(OSError, ValueError):
            while True:
                for sock in select.select([client, server], [], [])[0]:
                    data = sock.recv(65536)
                    if sock in self._frozen:
                        if not data:
                            return
                        continue
                    if not data:
                        others[sock].shutdown(socket.SHUT_WR)
                        return
                    others[sock].sendall(data)
