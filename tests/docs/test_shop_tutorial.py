"""Shop of the tutorial, run unchanged against a simulator process."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from bench.ports import free_port
from tests.docs.pages import blocks, page
from tests.fair_clock import fair_seconds
from tests.simulator.simulator_process import PROGRAM, simulating

PAGES = ("docs/tutorial/shop-without-a-contract.md", "docs/tutorial/shop-without-a-contract.ja.md")


@pytest.fixture(params=PAGES)
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Write every file of the page into a folder and return it."""
    for language, text in blocks(page(request.param)):
        if language in ("js", "python"):
            name = re.match(r"(?://|#) (\S+): ", text)
            assert name, text
            (tmp_path / name[1]).write_text(text)
    return tmp_path


@pytest.mark.skipif(shutil.which("node") is None, reason="there is no Node on this machine")
def buy(shop: Path) -> float:
    """Buy once from a new simulator and return the seconds that the purchase took."""
    port = free_port()
    with simulating("--call-url", f"http://127.0.0.1:{port}/zeus/notify") as zeus:
        began = fair_seconds()
        bought = subprocess.run(
            ["node", "buy.mjs"],
            cwd=shop,
            env=os.environ | {"ZEUS": zeus.url, "PORT": str(port)},
            capture_output=True,
            text=True,
            timeout=60,
        )
        taken = fair_seconds() - began

    assert (bought.returncode, bought.stderr) == (0, "")
    lines = sorted(bought.stdout.splitlines())
    assert re.fullmatch(r"Success_order SIM-000001-\d{5} pay until \d{8}", lines[0])
    assert lines[1:] == ["call 01 5400 yen", "call 04 5400 yen", "call 05 5400 yen"]
    return taken


def test_a_purchase_in_node_takes_less_than_2_seconds(shop: Path) -> None:
    """Take the best of three: another test may use the processor meanwhile."""
    assert min(buy(shop) for _ in range(3)) < 2


def test_a_purchase_in_pytest_takes_less_than_2_seconds(shop: Path) -> None:
    ran = subprocess.run(
        [
            sys.executable,
            "-m",
            "pytest",
            "-q",
            "-p",
            "no:cacheprovider",
            "--durations=0",
            "--durations-min=0",
        ],
        cwd=shop,
        env={name: text for name, text in os.environ.items() if not name.startswith("PYTEST_")}
        | {"ZEUS_RELAY": str(PROGRAM)},
        capture_output=True,
        text=True,
        timeout=100,
    )

    assert "1 passed" in ran.stdout, ran.stdout
    called = re.search(r"([0-9.]+)s call", ran.stdout)
    assert called
    assert float(called[1]) < 2
