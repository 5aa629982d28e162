"""Installation for tests: docker-compose.yml as shipped, its own .env, and a merchant's system."""

import asyncio
import json
import os
import random
import shutil
import subprocess
import time
import urllib.request
from pathlib import Path
from typing import Any

from app.events.signature import new_secret
from app.simulator.player.target import CallTarget, Method, target_of
from bench.ports import free_port
from tests.processes import ADMIN_TOKEN, KEY

ROOT = Path(__file__).resolve().parents[2]
IMAGE = "zeus-relay:container-test"
PASSWORDS = {
    f"{name}_PASSWORD": f"fortestsonly{number}"
    for number, name in enumerate(("POSTGRES", "MIGRATE", "RECEIVE", "WORK", "OPERATE"))
}
LONG_RUNNING = ("postgres", "receiver-1", "receiver-2", "worker-1", "worker-2", "operator")


class Installation:
    """One compose project in a directory of its own."""

    def __init__(self, directory: Path, image: str, project: str) -> None:
        self.directory = directory
        self.project = project
        self.proxy_port = free_port()
        self.operator_port = free_port()
        self.shop_port = free_port()
        self.network = f"172.30.{random.randint(100, 250)}"
        """Return the first three numbers of the network between the proxy and the receivers.

        They differ from those of a deployment on this machine.
        """
        self._secret = new_secret()
        self._image = image

    @property
    def caller(self) -> str:
        """The address that the proxy sees for a caller on this machine: its network's gateway."""
        return f"{self.network}.1"

    def start(self) -> None:
        """Write the files, start everything, wait until it is healthy, and add the subscriber."""
        (self.directory / "deploy").mkdir()
        shutil.copy(ROOT / "docker-compose.yml", self.directory)
        for file in ("Caddyfile.compose", "postgres-roles.sql"):
            shutil.copy(ROOT / "deploy" / file, self.directory / "deploy")
        shutil.copy(ROOT / "tests" / "container" / "docker-compose.shop.yml", self.directory)
        (self.directory / ".env").write_text(
            "".join(f"{name}={value}\n" for name, value in self._environment().items())
        )
        self.compose("up", "--detach", "--no-build")
        self.wait_until_healthy()
        self.zeus_relay(
            "subscribers", "add", "shop", "http://shop:9000/hooks", "--secret", self._secret
        )

    def set_variable(self, name: str, value: str) -> None:
        """Add a line to .env for the next `up`."""
        with (self.directory / ".env").open("a") as file:
            file.write(f"{name}={value}\n")

    def _environment(self) -> dict[str, str]:
        return {
            "ZEUS_RELAY_IMAGE": self._image,
            **PASSWORDS,
            "RELAY_ADMIN_TOKEN": ADMIN_TOKEN,
            "RELAY_SECRET_KEYS": KEY,
            "RELAY_ALLOWED_SOURCES": f"{self.caller}/32,192.0.2.10/32",
            "RELAY_ALLOW_HTTP_SUBSCRIBERS": "true",
            "RELAY_SUBSCRIBER_NETWORKS": "10.0.0.0/8,172.16.0.0/12,192.168.0.0/16",
            "PROXY_NETWORK": self.network,
            "PROXY_PUBLISH": f"127.0.0.1:{self.proxy_port}:8080",
            "OPERATOR_PUBLISH": f"127.0.0.1:{self.operator_port}:8001",
            "SHOP_PUBLISH": f"127.0.0.1:{self.shop_port}:9000",
            "SHOP_SECRET": self._secret,
            "TESTS_DIRECTORY": str(ROOT / "tests"),
        }

    def remove(self) -> None:
        """Remove containers, networks and volumes, even after a failed start."""
        self.compose("down", "--volumes", "--timeout", "5", check=False)

    def compose(self, *arguments: str, check: bool = True) -> str:
        """Run docker-compose on this project. Return its standard output."""
        done = self.run_compose(*arguments)
        assert not check or done.returncode == 0, (
            f"{arguments}: {done.stdout}{done.stderr}\n{self._tail()}"
        )
        return done.stdout

    def run_compose(
        self, *arguments: str, patience: float = 300
    ) -> subprocess.CompletedProcess[str]:
        """Run docker-compose on this project. Ignore its exit code."""
        files = ["--file", "docker-compose.yml", "--file", "docker-compose.shop.yml"]
        command = ["docker-compose", "--project-name", self.project, *files, *arguments]
        inherited = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("RELAY_", "PROXY_", "COMPOSE_"))
        }
        return subprocess.run(
            command,
            cwd=self.directory,
            env=inherited,
            capture_output=True,
            text=True,
            timeout=patience,
        )

    def _tail(self) -> str:
        return self.run_compose("logs", "--no-color", "--tail", "20").stdout

    async def do(self, *arguments: str) -> str:
        """Run docker-compose in a thread, beside a load."""
        return await asyncio.to_thread(self.compose, *arguments)

    def zeus_relay(self, *arguments: str) -> str:
        """Run a command of zeus-relay in the operator's container."""
        return self.compose("exec", "-T", "operator", "zeus-relay", *arguments)

    def sql(self, query: str) -> list[list[str]]:
        """Return the rows of a query, as text."""
        printed = self.compose(
            "exec",
            "-T",
            "postgres",
            "psql",
            "--username=relay",
            "--dbname=relay",
            "-At",
            "-F",
            "\t",
            "-c",
            query,
        )
        return [line.split("\t") for line in printed.splitlines()]

    def calls_in_postgres(self) -> set[tuple[str, str]]:
        """Return (order_no, status) of every call in Postgres, once all of them are judged."""
        deadline = time.monotonic() + 60
        while self.sql("SELECT count(*) FROM notices WHERE verdict IS NULL") != [["0"]]:
            assert time.monotonic() < deadline, "notices stay unjudged"
            time.sleep(0.5)
        return {
            (order_no, status)
            for order_no, status in self.sql(
                "SELECT order_no, status FROM notices WHERE order_no IS NOT NULL"
            )
        }

    def container(self, service: str) -> str:
        """Return the id of a service's container."""
        return self.compose("ps", "--quiet", service).strip()

    def inspected(self, service: str) -> dict[str, Any]:
        """Return the engine's description of a service's container."""
        printed = subprocess.run(
            ["docker", "inspect", self.container(service)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout
        return dict(json.loads(printed)[0])

    def state(self, service: str) -> dict[str, Any]:
        """Return its state: whether it runs, its health, its exit code."""
        return dict(self.inspected(service)["State"])

    def published(self, service: str) -> set[tuple[str, str]]:
        """Return (address, port) of this machine at which the service can be reached."""
        ports = self.inspected(service)["NetworkSettings"]["Ports"].values()
        return {(each["HostIp"], each["HostPort"]) for bound in ports for each in bound or []}

    def wait_until_healthy(self, *services: str, patience: float = 90) -> None:
        """Return when the health checks of these services (by default of all) have passed."""
        deadline = time.monotonic() + patience
        for service in services or LONG_RUNNING:
            while self.state(service)["Health"]["Status"] != "healthy":
                assert time.monotonic() < deadline, (
                    f"{service} does not become healthy\n{self._tail()}"
                )
                time.sleep(0.5)

    def target(self, method: Method = Method.GET, timeout_s: float = 40.0) -> CallTarget:
        """The notification endpoint at the proxy's published port."""
        return target_of(
            f"http://127.0.0.1:{self.proxy_port}/zeus/notify", method=method, timeout_s=timeout_s
        )

    def shop(self) -> dict[str, Any]:
        """Return the webhooks of the merchant's system.

        `received` is a list of [webhook-id, event], `unverified` the number of others.
        """
        with urllib.request.urlopen(
            f"http://127.0.0.1:{self.shop_port}/received", timeout=10
        ) as answer:
            return dict(json.load(answer))

    def from_inside(self, network: str, program: str) -> str:
        """Run a Python program in a container on one of the networks. Return its output."""
        on_network = ["--network", f"{self.project}_{network}"]
        command = [
            "docker",
            "run",
            "--rm",
            *on_network,
            "--entrypoint",
            "python",
            self._image,
            "-c",
            program,
        ]
        return subprocess.run(
            command, capture_output=True, text=True, check=True, timeout=60
        ).stdout.strip()
