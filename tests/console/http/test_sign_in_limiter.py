"""Rate limits for failed sign-ins, with a clock that the test sets."""

import asyncio
import time

from app.console.http.sign_in_limiter import (
    MAX_SLOWED,
    PER_ADDRESS,
    SLOW_AFTER,
    SLOW_SECONDS,
    SignInLimiter,
)
from app.network.allowed_sources import parse_address


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


ADDRESSES = [parse_address(f"192.0.2.{number}") for number in range(200)]


ONE, ANOTHER = ADDRESSES[1:3]


def test_an_address_may_fail_five_times_a_minute() -> None:
    clock = Clock()
    limiter = SignInLimiter(clock)
    assert [True] * PER_ADDRESS + [False] == [limiter.begin(ONE) for _ in range(PER_ADDRESS + 1)]
    assert limiter.begin(ANOTHER)
    clock.seconds = 61
    assert limiter.begin(ONE)


def test_addresses_of_an_ipv6_64_count_as_one() -> None:
    limiter = SignInLimiter(Clock())
    tries = [
        limiter.begin(parse_address(f"2001:db8:0:1::{number}")) for number in range(PER_ADDRESS + 1)
    ]
    assert [True] * PER_ADDRESS + [False] == tries
    assert limiter.begin(parse_address("2001:db8:0:2::1"))
    assert limiter.begin(parse_address("::ffff:192.0.2.1")), "an IPv4 address is not one of them"


def test_a_success_is_not_counted_as_failure() -> None:
    limiter = SignInLimiter(Clock())
    for _ in range(3 * SLOW_AFTER):
        assert limiter.begin(ONE)
        limiter.succeeded(ONE)


async def test_an_attack_from_many_addresses_is_delayed_without_lockout() -> None:
    clock = Clock()
    limiter = SignInLimiter(clock)
    for address in ADDRESSES[: SLOW_AFTER - 1]:
        assert limiter.begin(address)
        await asyncio.wait_for(limiter.failed(), 0.5)
    assert limiter.begin(ADDRESSES[100])
    began = time.monotonic()
    await limiter.failed()
    assert SLOW_SECONDS <= time.monotonic() - began + 0.01
    assert all(limiter.begin(address) for address in ADDRESSES[101:])
    clock.seconds = 61
    await asyncio.wait_for(limiter.failed(), 0.5)


async def test_delayed_attempts_are_limited() -> None:
    limiter = SignInLimiter(Clock())
    failing = [asyncio.create_task(limiter.failed()) for _ in range(SLOW_AFTER + MAX_SLOWED + 10)]
    done, waiting = await asyncio.wait(failing, timeout=0.5)
    assert (SLOW_AFTER - 1 + 10 + 1, MAX_SLOWED) == (len(done), len(waiting))
    for task in waiting:
        task.cancel()
    await asyncio.gather(*waiting, return_exceptions=True)
