"""Scrapes of the metrics: as of now, together, and never in the thread that answers calls."""

import asyncio
import threading
import time

import pytest

from app.scrapes import Scrapes


class Rendering:
    """A rendering that takes long, and what is known of it afterwards."""

    def __init__(self, seconds: float = 0.05) -> None:
        self.seconds = seconds
        self.value = 0
        self.count = 0
        self.threads: set[threading.Thread] = set()
        self.under_way = self.most_under_way = 0

    def __call__(self) -> bytes:
        self.count += 1
        self.threads.add(threading.current_thread())
        self.under_way += 1
        self.most_under_way = max(self.most_under_way, self.under_way)
        value = self.value
        time.sleep(self.seconds)
        self.under_way -= 1
        return b"%d" % value


async def test_a_scrape_shows_what_was_counted_before_it() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    for number in range(5):
        rendering.value = number
        assert await scrapes.text() == b"%d" % number


async def test_what_is_counted_during_a_rendering_is_in_the_next_one() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    first = asyncio.create_task(scrapes.text())
    while not rendering.under_way:
        await asyncio.sleep(0.001)
    rendering.value = 1
    assert await scrapes.text() == b"1"
    assert await first == b"0"


async def test_many_scrapes_share_few_renderings_one_after_the_other_in_another_thread() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    began = time.monotonic()
    await asyncio.gather(*(_scrape_again_and_again(scrapes, began + 0.5) for _ in range(50)))
    assert rendering.count <= 10
    assert rendering.most_under_way == 1
    assert threading.main_thread() not in rendering.threads


async def _scrape_again_and_again(scrapes: Scrapes, until: float) -> None:
    while time.monotonic() < until:
        await scrapes.text()


async def test_a_scraper_that_goes_away_takes_nothing_from_the_others() -> None:
    scrapes = Scrapes(Rendering(), pause_s=0)
    gone, stays = asyncio.create_task(scrapes.text()), asyncio.create_task(scrapes.text())
    await asyncio.sleep(0.01)
    gone.cancel()
    assert await stays == b"0"


async def test_a_rendering_that_fails_fails_for_those_who_asked_and_not_for_the_next() -> None:
    failures = iter([True, False])

    def render() -> bytes:
        if next(failures):
            raise ZeroDivisionError
        return b"well"

    scrapes = Scrapes(render, pause_s=0)
    with pytest.raises(ZeroDivisionError):
        await scrapes.text()
    assert await scrapes.text() == b"well"
