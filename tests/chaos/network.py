"""Network namespace of one server, in which packets can be dropped. Needs root.

It changes nothing in this machine's own network.
"""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from tests.chaos.programs import program

_HERE = "198.51.100.1"
_THERE = "198.51.100.2"


@dataclass(frozen=True, slots=True)
class Network:
    """A namespace joined to this machine's network by a pair of virtual interfaces."""

    name: str

    @property
    def host(self) -> str:
        """The address in it that this machine reaches."""
        return _THERE

    @property
    def within(self) -> tuple[str, ...]:
        """The prefix of a command that runs in it."""
        return (program("ip"), "netns", "exec", self.name)

    def drop(self, dropping: bool) -> None:
        """Drop every packet that arrives, or stop doing so.

        The sender gets no error, as behind an unplugged cable.
        """
        _run(
            *self.within,
            program("iptables"),
            "-I" if dropping else "-D",
            "INPUT",
            "-s",
            _HERE,
            "-j",
            "DROP",
        )


@contextmanager
def network() -> Iterator[Network]:
    """Make a network for the time of the block."""
    program("iptables")  # raise now rather than in the middle of the line
    made = Network(f"chaos-{os.getpid()}")
    outside, inside = f"chaos{os.getpid()}"[:14] + "a", f"chaos{os.getpid()}"[:14] + "b"
    _ip("netns", "add", made.name)
    try:
        _ip("link", "add", outside, "type", "veth", "peer", "name", inside, "netns", made.name)
        _ip("address", "add", f"{_HERE}/30", "dev", outside)
        _ip("link", "set", outside, "up")
        _ip("-n", made.name, "address", "add", f"{_THERE}/30", "dev", inside)
        _ip("-n", made.name, "link", "set", inside, "up")
        _ip("-n", made.name, "link", "set", "lo", "up")
        yield made
    finally:
        # The pair would disappear with the namespace, but only later.
        subprocess.run([program("ip"), "link", "delete", outside], stderr=subprocess.DEVNULL)
        _ip("netns", "delete", made.name)


def _ip(*arguments: str) -> None:
    _run(program("ip"), *arguments)


def _run(*command: str) -> None:
    subprocess.run(command, check=True)
