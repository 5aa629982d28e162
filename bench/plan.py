"""Effort of a run, and the workbench that every case gets."""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import mkdtemp
from typing import TypeVar

from bench.database import Database
from bench.figures import Figure
from bench.machine import BUSY, wait_for_calm
from bench.relay import Site, declared, sink

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Effort:
    """Thoroughness: `rounds` of each side of a comparison, `seconds` of load in each.

    `share` is the share of a full run's rows.
    """

    rounds: int = 3
    seconds: float = 6.0
    warm_up_s: float = 1.0
    share: float = 1.0
    calm_s: float = 0.0
    """Longest wait before each round for other work on the machine to end."""
    size: int = 10_000_000
    """Number of notices in a database of many years."""
    calls: int = 100_000
    """Number of calls while an old snapshot is held."""


QUICK = Effort(rounds=1, seconds=0.6, warm_up_s=0.2, share=0.005, size=4_000, calls=400)


@dataclass(frozen=True, slots=True)
class Bench:
    """Tools of a case: effort, database server, directory, and a function for progress messages."""

    effort: Effort
    database: Database
    directory: Path
    say: Callable[[str], None] = field(default=print)

    def new_directory(self) -> Path:
        """Return a new directory for one installation."""
        return Path(mkdtemp(dir=self.directory))

    @asynccontextmanager
    async def site(self, settings: dict[str, str] | None = None) -> AsyncIterator[Site]:
        """Yield an installation on a fresh database, without running processes."""
        async with self.database.fresh() as url:
            yield Site(url, self.new_directory(), settings or {})

    @asynccontextmanager
    async def site_with_sink(self, roles: Sequence[str]) -> AsyncIterator[tuple[Site, int]]:
        """Yield an installation with these roles, and the port of its subscriber `shop`."""
        async with AsyncExitStack() as stack:
            port = await stack.enter_async_context(sink(self.new_directory()))
            site = await stack.enter_async_context(
                self.site(declared({"shop": f"http://127.0.0.1:{port}/hook/shop"}))
            )
            for role in roles:
                await stack.enter_async_context(site.role(role))
            yield site, port


Case = Callable[[Bench], Awaitable[list[Figure]]]


async def interleaved(
    bench: Bench, sides: Mapping[str, Callable[[], Awaitable[T]]]
) -> dict[str, list[T]]:
    """Measure the sides alternately (A B A B …), so that changes of the machine affect all alike.

    Return each side's results.
    """
    results: dict[str, list[T]] = {name: [] for name in sides}
    for number in range(bench.effort.rounds):
        for name, measure in sides.items():
            busy = await wait_for_calm(bench.effort.calm_s)
            others = f" (other work takes {busy:.0%} of the machine)" if busy > BUSY else ""
            bench.say(f"  round {number + 1} of {bench.effort.rounds}: {name}{others}")
            results[name].append(await measure())
    return results
