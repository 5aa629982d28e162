"""Commands with output in other encodings, a full disk, closed pipes, and invalid arguments."""

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.cli.conftest import Cli
from tests.operations.operations_setup import NAME, ORDER_NO, OperationsSetup
from tests.processes import PROGRAM, environment
from tools.docs.command_line import commands

HELP = (["--help"], ["subscribers", "--help"], ["notices", "list", "--help"])
PLAIN = (*HELP, ["--version"], ["keygen"], ["simulate", "--list"], ["doctor", "--json"])
NOWHERE = {"DATABASE_URL": "postgresql://relay@127.0.0.1:1/relay"}
OF_DATA = (
    ["orders", "show", ORDER_NO, "--personal"],
    ["notices", "list"],
    ["orders", "search", "--order-no", ORDER_NO, "--json"],
)
WITHOUT_UTF_8 = {"PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "LC_ALL": "C"}
PLACES = (
    WITHOUT_UTF_8,
    {"PYTHONIOENCODING": "ascii"},
    {"PYTHONIOENCODING": "euc_jp"},
    {"PYTHONIOENCODING": "shift_jis"},
)


def _run(
    arguments: list[str], settings: dict[str, str] = NOWHERE, **changed: Any
) -> tuple[int, bytes, bytes]:
    variables = environment(**settings) | changed.pop("env", {})
    given: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, **changed}
    ended = subprocess.run([PROGRAM, *arguments], env=variables, timeout=60, **given)
    return ended.returncode, ended.stdout or b"", ended.stderr or b""


def _settings_of(cli: Cli) -> dict[str, str]:
    return {name.removeprefix("RELAY_"): value for name, value in cli.environment.items()}


def _is_a_sentence(err: bytes) -> bool:
    return (
        len(err.splitlines()) == 1
        and b"Traceback" not in err
        and err.endswith(b"what was done stays done\n")
    )


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_a_full_disk_gets_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    with Path("/dev/full").open("wb") as full:
        code, _, err = _run(arguments, stdout=full, cwd=tmp_path)
        assert (1, True) == (code, _is_a_sentence(err)), err
        assert b"No space left on device" in err
        assert 1 == _run(arguments, stdout=full, stderr=full, cwd=tmp_path)[0]


@pytest.mark.parametrize("arguments", PLAIN, ids=" ".join)
def test_a_closed_pipe_gets_one_sentence(arguments: list[str], tmp_path: Path) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    code, _, err = _run(arguments, stdout=writing, cwd=tmp_path)
    os.close(writing)
    assert (1, True) == (code, _is_a_sentence(err)), err
    assert b"Broken pipe" in err


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
def test_closed_streams_cause_no_traceback(closed: str, tmp_path: Path) -> None:
    shell = subprocess.run(
        ["sh", "-c", f'"$0" keygen {closed}', PROGRAM],
        env=environment(),
        cwd=tmp_path,
        capture_output=True,
        timeout=60,
    )
    assert b"Traceback" not in shell.stderr
    assert (0 if closed == "2>&-" else 1) == shell.returncode


@pytest.mark.parametrize(
    "place", PLACES, ids=lambda place: " ".join(f"{name}={value}" for name, value in place.items())
)
async def test_no_encoding_causes_a_traceback(
    cli: Cli, setup: OperationsSetup, place: dict[str, str], tmp_path: Path
) -> None:
    await setup.judged("01", "04")
    for arguments in (*PLAIN, *OF_DATA, ["migrate"], ["orders", "show", "\udcff"]):
        code, out, err = _run(arguments, _settings_of(cli), env=place, cwd=tmp_path)
        assert code in (0, 1, 2), arguments
        assert b"Traceback" not in err, err.decode(errors="replace")
        assert b"\x1b" not in out
        if "--json" in arguments:
            json.loads(out.decode("utf-8"))


async def test_japanese_output_in_japanese_encodings(
    cli: Cli, setup: OperationsSetup, tmp_path: Path
) -> None:
    await setup.judged("01")
    for encoding in ("utf-8", "euc_jp", "shift_jis"):
        _, out, _ = _run(
            ["orders", "show", ORDER_NO, "--personal"],
            _settings_of(cli),
            env={"PYTHONIOENCODING": encoding},
            cwd=tmp_path,
        )
        assert NAME in out.decode(encoding)
    _, out, _ = _run(
        ["orders", "show", ORDER_NO, "--personal", "--json"],
        _settings_of(cli),
        env={"PYTHONIOENCODING": "shift_jis"},
        cwd=tmp_path,
    )
    assert out.isascii()
    assert NAME in json.dumps(json.loads(out), ensure_ascii=False)


def _texts_of(command: Any) -> tuple[list[str], list[str]]:
    """Return the required arguments of a command, and its options that take a text."""
    needed = [
        "\udcff"
        for parameter in command.params
        if parameter.param_type_name == "argument" and parameter.required
    ]
    options = [
        parameter
        for parameter in command.params
        if parameter.param_type_name == "option" and not parameter.is_flag
    ]
    required = [
        part for option in options if option.required for part in (option.opts[0], "\udcff")
    ]
    return [*needed, *required], [option.opts[0] for option in options if not option.required]


async def test_arguments_that_are_no_text_get_one_sentence(cli: Cli) -> None:
    tried = 0
    for path, command in commands():
        if path == "zeus-relay simulator":
            continue  # it would serve for ever if it did not refuse: the next test can end it
        words = path.split()[1:]
        needed, options = _texts_of(command)
        for arguments in (
            [*words, *needed],
            *([*words, *needed, option, "\udcff"] for option in options),
        ):
            if "\udcff" in arguments:
                await cli.refused(*arguments)
                tried += 1
    assert tried > 60


def test_the_simulator_rejects_arguments_that_are_no_text(tmp_path: Path) -> None:
    _, options = _texts_of(dict(commands())["zeus-relay simulator"])
    assert "--state" in options
    for option in options:
        code, _, err = _run(["simulator", "--port", "0", option, "\udcff"], cwd=tmp_path)
        assert 2 == code, (option, err)
        assert b"Traceback" not in err
    assert [] == list(tmp_path.iterdir())


def test_escape_sequences_in_arguments_are_not_printed(tmp_path: Path) -> None:
    for arguments in (
        ["\x1b[2J"],
        ["orders", "show", "\x1b[2J"],
        ["subscribers", "add", "\x1b[2J", "x"],
        ["notices", "show", "\x1b[2J"],
    ):
        code, out, err = _run(arguments, cwd=tmp_path)
        assert code in (1, 2)
        assert b"\x1b" not in out + err, arguments


def test_an_env_file_in_another_encoding_gets_one_sentence(tmp_path: Path) -> None:
    (tmp_path / ".env").write_bytes("# 受信\nRELAY_LOG_LEVEL=INFO\n".encode("shift_jis"))
    code, _, err = _run(["doctor"], cwd=tmp_path)
    assert (2, b".env: is not UTF-8\n") == (code, err)
