"""Durable answers: how many calls a receiver records and answers, and how fast, beside a server that stores nothing and an ORM route."""

from bench.figures import Figure, Requirement
from bench.plan import Bench, interleaved
from bench.relay import Site, null_receiver, orm_route
from bench.traffic import Traffic, play

CALLERS = 64


async def answers(bench: Bench) -> list[Figure]:
    """Answers/s and latency at 64 kept connections."""

    async def durable() -> Traffic:
        async with bench.site() as site, site.role("receive"):
            return await _load(bench, site, callers=CALLERS)

    async def nothing_stored() -> Traffic:
        site = Site(None, bench.new_directory())
        async with null_receiver(site.directory, site.public_port):
            return await _load(bench, site, callers=CALLERS)

    async def through_orm() -> Traffic:
        async with bench.site() as site, orm_route(site.directory, site.public_port, site.database_url or ""):
            return await _load(bench, site, callers=CALLERS)

    results = await interleaved(bench, {"durable": durable, "nothing stored": nothing_stored, "ORM route": through_orm})
    rate = {name: tuple(traffic.per_s for traffic in traffics) for name, traffics in results.items()}
    name = f"durable answers, {CALLERS} connections"
    return [
        Figure("answers", name, "/s", rate["durable"], rate["nothing stored"], "nothing stored", Requirement(least=0.6, of="ratio")),
        Figure("answers", name, "/s", rate["durable"], rate["ORM route"], "ORM route", Requirement(least=10, of="ratio")),
        *_latencies("answers", f"{CALLERS} connections", results["durable"], p99=Requirement(most=60)),
    ]


async def one_caller(bench: Bench) -> list[Figure]:
    """Latency with one caller, on a kept connection."""

    async def durable() -> Traffic:
        async with bench.site() as site, site.role("receive"):
            return await _load(bench, site, callers=1)

    results = await interleaved(bench, {"durable": durable})
    return _latencies("one-caller", "1 connection", results["durable"], p50=Requirement(most=3))


async def new_connections(bench: Bench) -> list[Figure]:
    """As Zeus calls: HTTP/1.0, a connection for each call."""

    async def durable() -> Traffic:
        async with bench.site() as site, site.role("receive"):
            return await _load(bench, site, callers=CALLERS, keep_alive=False)

    async def nothing_stored() -> Traffic:
        site = Site(None, bench.new_directory())
        async with null_receiver(site.directory, site.public_port):
            return await _load(bench, site, callers=CALLERS, keep_alive=False)

    results = await interleaved(bench, {"durable": durable, "nothing stored": nothing_stored})
    rate = {name: tuple(traffic.per_s for traffic in traffics) for name, traffics in results.items()}
    name = f"durable answers, {CALLERS} callers, a connection a call"
    return [
        Figure("new-connections", name, "/s", rate["durable"], rate["nothing stored"], "nothing stored"),
        *_latencies("new-connections", f"{CALLERS} callers, a connection a call", results["durable"]),
    ]


async def _load(bench: Bench, site: Site, **options: object) -> Traffic:
    return await play(site.job(bench.effort.seconds, warm_up_s=bench.effort.warm_up_s, **options))


def _latencies(
    case: str, how: str, traffics: list[Traffic], *, p50: Requirement | None = None, p99: Requirement | None = None
) -> list[Figure]:
    return [
        Figure(case, f"answer p50, {how}", "ms", tuple(traffic.p50_ms for traffic in traffics), required=p50),
        Figure(case, f"answer p99, {how}", "ms", tuple(traffic.p99_ms for traffic in traffics), required=p99),
    ]
