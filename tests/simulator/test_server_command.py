"""The command `zeus-relay simulator`: options, variables, and what it refuses to start with."""

import json
import os
import socket
import subprocess
import sys

import pytest

from tests.simulator.simulator_process import PROGRAM, simulating


async def test_options_and_variables_set_the_settings() -> None:
    variables = os.environ | {"SIMULATOR_RETRIES": "3", "SIMULATOR_DEADLINE_DAYS": "10"}
    options = ["--deadline-days", "20", "--clientips", "2012000001, 2012000002"]
    more = ["--set", "faults.calls.times=2", "--set", "style=half", "--optional-statuses"]
    with simulating(*options, *more, environment=variables) as zeus:
        settings = (await zeus.ask("GET", "/settings")).json

    assert (settings["retries"], settings["deadline_days"]) == (3, 20)
    assert settings["clientips"] == ["2012000001", "2012000002"]
    assert (settings["faults"]["calls"]["times"], settings["style"]) == (2, "half")
    assert settings["optional_statuses"] is True


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--host", "0.0.0.0"], "--anywhere"),
        (["--call-url", "http://shop.example.com/n"], "--anywhere"),
        (["--call-url", "ftp://127.0.0.1/"], "call_url"),
        (["--parameters", "status,colour"], "colour"),
        (["--deadline-days", "60"], "deadline-days"),
        (["--clock-speed", "0"], "clock.speed"),
        (["--set", "colour=red"], "colour"),
        (["--set", "style=half", "--set", "style.red=1"], "style"),
        (["--set", "retries.red=1"], "retries"),
    ],
)
def test_wrong_settings_end_it_with_a_sentence(arguments: list[str], said: str) -> None:
    ended = subprocess.run(
        [PROGRAM, "simulator", "--port", "0", *arguments],
        capture_output=True,
        text=True,
        timeout=60,
        env=os.environ | {"NO_COLOR": "1", "COLUMNS": "200"},
    )

    assert (ended.returncode, ended.stdout) == (2, "")
    assert said in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_port_in_use_ends_it_with_a_sentence() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ended = subprocess.run(
            [PROGRAM, "simulator", "--port", str(port)], capture_output=True, timeout=60
        )

    assert (ended.returncode, ended.stdout) == (2, b"")
    assert b"cannot listen on 127.0.0.1:" in ended.stderr


def test_it_runs_as_a_module_too() -> None:
    process = subprocess.Popen(
        [sys.executable, "-m", "app.simulator", "--port", "0"], stdout=subprocess.PIPE
    )
    assert process.stdout
    with process.stdout as output:
        line = json.loads(output.readline())
        process.terminate()
        process.wait(20)

    assert line["url"] == f"http://127.0.0.1:{line['port']}"
    assert line["simulator"] is True
