"""Baseline: the rate at which aiohttp alone posts webhooks, without database or signature."""

import argparse
import asyncio
import time

import aiohttp
import uvloop

from bench.pending import DATA

_HEADERS = {
    "content-type": "application/json",
    "webhook-id": "bench",
    "webhook-timestamp": "0",
    "webhook-signature": "v1,none",
}


async def post(url: str, count: int, connections: int) -> None:
    """Post `count` bodies over so many connections, each as soon as the one before was answered."""
    numbers = iter(range(count))
    async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=0)) as session:

        async def one_connection() -> None:
            for number in numbers:
                body = DATA.replace("ORDER-NO", f"bare-{number}").encode()
                async with session.post(url, data=body, headers=_HEADERS) as response:
                    await response.read()

        async with asyncio.TaskGroup() as tasks:
            for _ in range(connections):
                tasks.create_task(one_connection())


def main() -> None:
    """Post to the URL of the command line, and print the processor time in seconds."""
    parser = argparse.ArgumentParser(description="Post with aiohttp alone.")
    parser.add_argument("url")
    parser.add_argument("count", type=int)
    parser.add_argument("connections", type=int)
    arguments = parser.parse_args()
    before = time.process_time()
    uvloop.run(post(arguments.url, arguments.count, arguments.connections))
    print(time.process_time() - before)


if __name__ == "__main__":
    main()
