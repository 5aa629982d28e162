"""Load of applications: through the API of a relay, or posted by aiohttp alone. Prints JSON."""

import argparse
import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from statistics import quantiles

import aiohttp
import uvloop

from app.zeus.application import encode_form
from app.zeus.application_answer import AnswerKind, read_answer
from bench.relay import ADMIN_TOKEN

_FORM = {
    "clientip": "2012000001",
    "act": "secure_order",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "pay_cvs": "D002",
}
_REQUEST = {
    "money": 5400,
    "store": "lawson",
    "customer": {"name": "コンビニ タロウ", "telno": "0312345678", "email": "taro@example.com"},
}
Apply = Callable[[aiohttp.ClientSession, str], Awaitable[None]]


def through_relay(url: str, run: str) -> Apply:
    """Return what applies at this URL of the API, and expects an accepted application."""

    async def apply(client: aiohttp.ClientSession, number: str) -> None:
        headers = {
            "Authorization": f"Bearer {ADMIN_TOKEN}",
            "Idempotency-Key": f"{run}-{number}",
        }
        request = {**_REQUEST, "sendid": f"{run}-{number}"}
        async with client.post(url, json=request, headers=headers) as answer:
            told = await answer.json()
            if (answer.status, told.get("state")) != (201, "accepted"):
                raise RuntimeError(f"{answer.status}: {told}")

    return apply


def bare(url: str, run: str) -> Apply:
    """Return what posts a form at this URL, and expects that Zeus accepted it."""

    async def apply(client: aiohttp.ClientSession, number: str) -> None:
        form = encode_form({**_FORM, "sendid": f"{run}-{number}"})
        async with client.post(url, data=form) as answer:
            if read_answer(answer.status, await answer.read()).kind is not AnswerKind.ACCEPTED:
                raise RuntimeError(f"{answer.status}: not accepted")

    return apply


async def load(apply: Apply, at_once: int, seconds: float, warm_up_s: float) -> dict[str, float]:
    """Apply with so many at once; return applications a second and p95 in milliseconds."""
    took: list[float] = []
    begun = time.perf_counter()
    ends = begun + warm_up_s + seconds
    # As the relay's client: a connection for each application.
    connector = aiohttp.TCPConnector(limit=0, force_close=True)
    async with aiohttp.ClientSession(connector=connector) as client:

        async def one(worker: int) -> None:
            number = 0
            while (started := time.perf_counter()) < ends:
                number += 1
                await apply(client, f"{worker}-{number}")
                if started > begun + warm_up_s:
                    took.append(time.perf_counter() - started)

        await asyncio.gather(*(one(worker) for worker in range(at_once)))
    measured = time.perf_counter() - begun - warm_up_s
    return {"per_s": len(took) / measured, "p95_ms": 1_000 * quantiles(took, n=20)[-1]}


def main() -> None:
    """Apply as the command line says."""
    parser = argparse.ArgumentParser(description="Load of applications.")
    parser.add_argument("way", choices=["relay", "bare"])
    parser.add_argument("url")
    parser.add_argument("run")
    parser.add_argument("at_once", type=int)
    parser.add_argument("seconds", type=float)
    parser.add_argument("warm_up_s", type=float)
    given = parser.parse_args()
    apply = (through_relay if given.way == "relay" else bare)(given.url, given.run)
    print(json.dumps(uvloop.run(load(apply, given.at_once, given.seconds, given.warm_up_s))))


if __name__ == "__main__":
    main()
