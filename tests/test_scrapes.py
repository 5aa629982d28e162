"""Metrics scrapes: current values, shared renderings, and a thread of their own."""

import asyncio
import threading
import time

import pytest

from app.scrapes import Scrapes


class Rendering:
    """A slow rendering that counts its calls."""

    def __init__(self, seconds: float = 0.05) -> None:
        self.seconds = seconds
        self.value = 0
        self.count = 0
        self.threads: set[threading.Thread] = set()
        self.running = self.most_running = 0

    def __call__(self) -> bytes:
        self.count += 1
        self.threads.add(threading.current_thread())
        self.running += 1
        self.most_running = max(self.most_running, self.running)
        value = self.value
        time.sleep(self.seconds)
        self.running -= 1
        return b"%d" % value


async def test_a_scrape_shows_all_earlier_counts() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    for number in range(5):
        rendering.value = number
        assert await scrapes.text() == b"%d" % number


async def test_a_count_during_a_rendering_is_in_the_next_one() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    first = asyncio.create_task(scrapes.text())
    while not rendering.running:
        await asyncio.sleep(0.001)
    rendering.value = 1
    assert await scrapes.text() == b"1"
    assert await first == b"0"


async def test_concurrent_scrapes_share_renderings_in_another_thread() -> None:
    rendering = Rendering()
    scrapes = Scrapes(rendering, pause_s=0.01)
    began = time.monotonic()
    await asyncio.gather(*(_scrape_again_and_again(scrapes, began + 0.5) for _ in range(50)))
    assert rendering.count <= 10
    assert rendering.most_running == 1
    assert threading.main_thread() not in rendering.threads


async def _scrape_again_and_again(scrapes: Scrapes, until: float) -> None:
    while time.monotonic() < until:
        await scrapes.text()


async def test_a_cancelled_scrape_does_not_affect_others() -> None:
    scrapes = Scrapes(Rendering(), pause_s=0)
    gone, stays = asyncio.create_task(scrapes.text()), asyncio.create_task(scrapes.text())
    await asyncio.sleep(0.01)
    gone.cancel()
    assert await stays == b"0"


async def test_a_failed_rendering_does_not_affect_the_next_scrape() -> None:
    failures = iter([True, False])

    def render() -> bytes:
        if next(failures):
            raise ZeroDivisionError
        return b"well"

    scrapes = Scrapes(render, pause_s=0)
    with pytest.raises(ZeroDivisionError):
        await scrapes.text()
    assert await scrapes.text() == b"well"
