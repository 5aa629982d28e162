"""Free ports for servers of tests and benches."""

import socket

import pytest

from bench import ports
from bench.ports import free_port


def test_no_port_is_given_twice_and_none_may_be_taken_by_an_outgoing_connection() -> None:
    lowest_outgoing = 32_768  # net.ipv4.ip_local_port_range of Linux
    given = [free_port() for _ in range(5_000)]
    assert len(set(given)) == len(given)
    assert max(given) < lowest_outgoing


def test_a_port_on_which_somebody_listens_is_not_given(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", free_port())) as server:
        taken = server.getsockname()[1]
        ports._given.remove(taken)
        drawn = iter([taken - 10_000, free_port() - 10_000, free_port() - 10_000])
        ports._given.clear()
        monkeypatch.setattr(ports, "randbelow", lambda below: next(drawn))
        assert free_port() != taken
