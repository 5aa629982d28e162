"""A simulator in a process of its own, and what a shop and a test suite say to it."""

import asyncio
import json
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from app.zeus.application import encode_form
from app.zeus.application_answer import ApplicationAnswer, read_answer

PROGRAM = Path(sys.executable).with_name("zeus-relay")
GOOD: Mapping[str, str] = {
    "clientip": "2012000001",
    "act": "secure_order",
    "money": "5400",
    "username": "コンビニ　タロウ",
    "telno": "0312345678",
    "email": "taro@example.com",
    "pay_cvs": "D002",
    "sendid": "A-1001",
    "sendpoint": "P#1",
}


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer of the API."""

    status: int
    json: Any


class Simulator:
    """A running simulator at `url`."""

    def __init__(self, url: str, process: subprocess.Popen[bytes] | None = None) -> None:
        self.url = url
        self.process = process

    async def post_raw(self, body: bytes) -> tuple[int, bytes, Mapping[str, str]]:
        """Post an application's bytes and return status, body and headers of the answer."""
        async with (
            aiohttp.ClientSession() as client,
            client.post(f"{self.url}/cgi-bin/cvs.cgi", data=body) as answer,
        ):
            return answer.status, await answer.read(), answer.headers

    async def apply(self, **changes: str) -> ApplicationAnswer:
        """Apply with good values but for `changes`, and return the answer as the relay reads it."""
        status, body, _ = await self.post_raw(encode_form({**GOOD, **changes}))
        return read_answer(status, body)

    async def order_no(self, **changes: str) -> str:
        """Apply and return the order's number."""
        answer = await self.apply(**changes)
        assert answer.order_no, answer
        return answer.order_no

    async def ask(self, method: str, path: str, json: object = None) -> Reply:
        """Ask the API."""
        async with (
            aiohttp.ClientSession() as client,
            client.request(method, f"{self.url}/api{path}", json=json) as answer,
        ):
            text = await answer.read()
            assert answer.headers["x-simulator"] == "zeus-relay SIMULATOR"
            return Reply(answer.status, None if not text else _json(text))

    async def act(self, order_no: str, action: str) -> Any:
        """Carry out an action that must be allowed."""
        done = await self.ask("POST", f"/orders/{order_no}/{action}")
        assert done.status == 200, done
        return done.json

    async def set(self, **settings: object) -> None:
        """Change settings."""
        changed = await self.ask("PATCH", "/settings", settings)
        assert changed.status == 200, changed

    async def order(self, order_no: str) -> Any:
        """Return an order with its calls and mails."""
        shown = await self.ask("GET", f"/orders/{order_no}")
        assert shown.status == 200
        return shown.json

    async def called(self, order_no: str, *statuses: str, patience: float = 20) -> list[Any]:
        """Wait until the order's calls are about these statuses, and return them."""
        deadline = asyncio.get_running_loop().time() + patience
        while True:
            calls: list[Any] = (await self.order(order_no))["calls"]
            if [call["status"] for call in calls] == list(statuses):
                return calls
            assert asyncio.get_running_loop().time() < deadline, calls
            await asyncio.sleep(0.02)


def _json(text: bytes) -> Any:
    return json.loads(text)


@contextmanager
def simulating(*options: str, environment: Mapping[str, str] | None = None) -> Iterator[Simulator]:
    """Run a simulator on a free port within this block. It must end in silence on stderr."""
    command: list[str | Path] = [PROGRAM, "simulator", "--port", "0", *options]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment
    )
    stdout, stderr = process.stdout, process.stderr
    assert stdout
    assert stderr
    errors: list[bytes] = []
    reader = threading.Thread(target=lambda: errors.append(stderr.read()))
    reader.start()
    try:
        line = json.loads(stdout.readline())
        yield Simulator(line["url"], process)
    finally:
        process.terminate()
        process.wait(20)
        reader.join()
        stdout.close()
        stderr.close()
    assert errors == [b""]
