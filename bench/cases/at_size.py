"""Effect of two years of data on console pages, API lists and housekeeping."""

import asyncio
from collections.abc import Sequence
from math import ceil

from app.db.connections import connect
from bench.console_client import SignedIn, signed_in
from bench.figures import Figure, Requirement
from bench.keeping import keep_house
from bench.long_life import LongLife, fill
from bench.pages import API, CONSOLE, REMEMBERED, known
from bench.pending import new_subscriber, pause
from bench.plan import Bench
from bench.ports import free_port
from bench.relay import ADMIN_TOKEN, Site

MOST_MS = 150
_TIMES = 20
_TIMES_REMEMBERED = 8
_FORGOTTEN_S = 3.1
_SUBSCRIBERS = ("shop", "books", "held")


async def at_size(bench: Bench) -> list[Figure]:
    """Measure the p95 of each page, and the effect of housekeeping on appends and claims."""
    async with bench.site() as site:
        bench.say(f"  making the rows of {bench.effort.size:,} notices")
        for name in _SUBSCRIBERS:
            await new_subscriber(site, name, f"http://127.0.0.1:{free_port()}/hook/{name}")
        await pause(site, "held")
        life = await fill(site, bench.effort.size, bench.say)
        async with site.operator() as port, signed_in(port, ADMIN_TOKEN) as operator:
            figures = await _pages(bench, site, life, operator)
        return figures + await keep_house(bench, site)


async def _pages(bench: Bench, site: Site, life: LongLife, operator: SignedIn) -> list[Figure]:
    quick = bench.effort.size < 100_000
    times = 2 if quick else _TIMES
    connection = await connect(site.database_url or "")
    try:
        rounds = await known(connection, life, times)
    finally:
        await connection.close()
    figures = []
    for page in (*CONSOLE, *API):
        remembered = page in REMEMBERED
        paths = [
            page.format_map(values)
            for values in (rounds[:_TIMES_REMEMBERED] if remembered else rounds)
        ]
        took = await _ask(operator, paths, _FORGOTTEN_S if remembered and not quick else 0)
        bench.say(
            f"  {_p(took, 0.5):7.1f} ms p50 {_p(took, 0.95):7.1f} p95 "
            f"{max(took):7.1f} worst  {page}"
        )
        figures.append(
            Figure(
                "at-size",
                f"{page} p95",
                "ms",
                (_p(took, 0.95),),
                required=Requirement(most=MOST_MS),
            )
        )
    worst = max(figures, key=lambda figure: figure.measured)
    return [
        *figures,
        Figure(
            "at-size",
            f"slowest page p95: {worst.name.split()[0]}",
            "ms",
            worst.rounds,
            required=worst.required,
        ),
    ]


async def _ask(operator: SignedIn, paths: Sequence[str], pause_s: float) -> list[float]:
    took = []
    for path in paths:
        await asyncio.sleep(pause_s)
        took.append(await operator.ask(path))
    return took


def _p(values: Sequence[float], share: float) -> float:
    """Return the value that this share of all does not exceed."""
    return sorted(values)[ceil(share * len(values)) - 1]
