"""Durable answers: rate and latency of a receiver, beside a null server and an ORM route."""

from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass

from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.processes import Running
from bench.relay import Site, null_receiver, orm_route
from bench.traffic import Traffic, play

CALLERS = 64
Server = AbstractAsyncContextManager[Running]


@dataclass(frozen=True, slots=True)
class Answers:
    """One run: the callers' results, and the processor time per answer of the answering process."""

    traffic: Traffic
    cpu_us: float


class Sides:
    """Compared servers, each under the same load."""

    def __init__(self, bench: Bench, **load: object) -> None:
        """Use `load` as the options of the load generator's job."""
        self._bench = bench
        self._load = load

    async def durable(self) -> Answers:
        """Measure the receiver."""
        async with self._bench.site() as site:
            return await self._measure(site, site.role("receive"))

    async def nothing_stored(self) -> Answers:
        """Measure the same server with a recorder that stores nothing."""
        site = Site(None, self._bench.new_directory())
        return await self._measure(site, null_receiver(site.directory, site.public_port))

    async def through_orm(self) -> Answers:
        """Measure a route with a session for each request, on the same database server."""
        async with self._bench.site() as site:
            return await self._measure(
                site, orm_route(site.directory, site.public_port, site.database_url or "")
            )

    async def _measure(self, site: Site, server: Server) -> Answers:
        effort = self._bench.effort
        async with server as process:
            before = process.cpu_s()
            traffic = await play(site.job(effort.seconds, warm_up_s=effort.warm_up_s, **self._load))
            return Answers(traffic, 1e6 * (process.cpu_s() - before) / traffic.answers_in_all)


async def answers(bench: Bench) -> list[Figure]:
    """Measure answers/s and latency at 64 kept connections."""
    sides = Sides(bench, callers=CALLERS)
    results = await interleaved(
        bench,
        {
            "durable": sides.durable,
            "nothing stored": sides.nothing_stored,
            "ORM route": sides.through_orm,
        },
    )
    durable, null, orm = results["durable"], results["nothing stored"], results["ORM route"]
    how = f"{CALLERS} connections"
    name = f"durable answers, {how}"
    return [
        Figure(
            "answers",
            name,
            "/s",
            rates(durable),
            rates(null),
            "nothing stored",
            Requirement(least=0.6, of="ratio"),
        ),
        Figure(
            "answers",
            name,
            "/s",
            rates(durable),
            rates(orm),
            "ORM route",
            Requirement(least=10, of="ratio"),
        ),
        *latencies("answers", how, durable, p99=Requirement(most=60)),
        _cpu("answers", durable, null, "nothing stored"),
        _cpu("answers", durable, orm, "ORM route"),
    ]


async def one_caller(bench: Bench) -> list[Figure]:
    """Measure the latency of one caller on a kept connection."""
    results = await interleaved(bench, {"durable": Sides(bench, callers=1).durable})
    return latencies("one-caller", "1 connection", results["durable"], p50=Requirement(most=3))


async def new_connections(bench: Bench) -> list[Figure]:
    """Measure the latency of calls as Zeus makes them: HTTP/1.0, a connection for each call."""
    sides = Sides(bench, callers=CALLERS, keep_alive=False)
    results = await interleaved(
        bench, {"durable": sides.durable, "nothing stored": sides.nothing_stored}
    )
    durable, null = results["durable"], results["nothing stored"]
    how = f"{CALLERS} callers, a connection a call"
    return [
        Figure(
            "new-connections",
            f"durable answers, {how}",
            "/s",
            rates(durable),
            rates(null),
            "nothing stored",
        ),
        *latencies("new-connections", how, durable),
        _cpu("new-connections", durable, null, "nothing stored"),
    ]


def rates(rounds: list[Answers]) -> tuple[float, ...]:
    """Return the figure of answers/s."""
    return tuple(each.traffic.per_s for each in rounds)


def latencies(
    case: str,
    how: str,
    rounds: list[Answers],
    *,
    p50: Requirement | None = None,
    p99: Requirement | None = None,
) -> list[Figure]:
    """Return the figures of the median and the 99th percentile of the latency."""
    return [
        Figure(
            case,
            f"answer p50, {how}",
            "ms",
            tuple(each.traffic.p50_ms for each in rounds),
            required=p50,
        ),
        Figure(
            case,
            f"answer p99, {how}",
            "ms",
            tuple(each.traffic.p99_ms for each in rounds),
            required=p99,
        ),
    ]


def _cpu(case: str, rounds: list[Answers], baseline: list[Answers], note: str) -> Figure:
    """Return the figure of processor time, which hardly depends on other load of the machine."""
    name = "processor time of the server per answer"
    return Figure(
        case,
        name,
        "µs",
        tuple(each.cpu_us for each in rounds),
        tuple(each.cpu_us for each in baseline),
        note,
    )
