"""Health probes of load balancers and uptime services, on every listener of real processes."""

from collections.abc import Iterator
from pathlib import Path

from tests.processes import processes, service_settings
from tests.raw_http import exchange, status_of

PATHS = ("/healthz", "/healthz/", "/readyz", "/readyz/", "/readyz?t=1", "http://lb.example/readyz")
METHODS = ("GET", "HEAD", "OPTIONS")


def probes() -> Iterator[tuple[str, bytes]]:
    """Yield each method, path and HTTP version; HTTP/1.0 without Host, HTTP/1.1 with another's."""
    for method in METHODS:
        for path in PATHS:
            headers = "Host: 203.0.113.7:9999\r\nConnection: close\r\n"
            yield method, f"{method} {path} HTTP/1.1\r\n{headers}\r\n".encode()
            yield method, f"{method} {path} HTTP/1.0\r\n\r\n".encode()


def body_of(answer: bytes) -> bytes:
    return answer.partition(b"\r\n\r\n")[2]


async def test_every_listener_answers_every_kind_of_probe(
    database_url: str, tmp_path: Path
) -> None:
    settings = service_settings(database_url)
    with processes(tmp_path) as starter:
        receiver = starter.start("receive", **settings, METRICS_PORT="0")
        listeners = [
            (receiver, "receiver"),
            (receiver, "health"),
            (starter.start("operate", **settings), "operator"),
            (starter.start("work", **settings, METRICS_PORT="0"), "health"),
        ]
        for process, role in listeners:
            host, port = await process.ready(role)
            for method, request in probes():
                answer = await exchange(host, port, request)
                assert (200, method == "GET") == (status_of(answer), bool(body_of(answer))), (
                    role,
                    request,
                    answer,
                )
                assert (b"\r\nallow: get, head, options\r\n" in answer.lower()) == (
                    method == "OPTIONS"
                )


async def test_no_probe_says_ready_while_the_database_is_away(tmp_path: Path) -> None:
    settings = service_settings("postgresql://nobody@127.0.0.1:1/nothing")
    with processes(tmp_path) as starter:
        host, port = await starter.start("operate", **settings).address_of("operator")
        for method in METHODS:
            answer = await exchange(
                host,
                port,
                f"{method} /readyz HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode(),
            )
            assert (503, method == "GET") == (status_of(answer), bool(body_of(answer))), answer
