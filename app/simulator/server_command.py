"""The command `zeus-relay simulator`: Zeus as a server on this machine."""

import asyncio
import json
import socket
from pathlib import Path
from typing import Annotated, Any, NoReturn

import typer
from pydantic import ValidationError

from app.simulator.player.target import Method
from app.simulator.state.settings import SimulatorSettings, is_loopback

DEFAULT_PORT = 8002
_DIFFERENT = 1
_WRONG = 2


def _valid_text(value: Any) -> Any:
    """Return the value of an option. Raise BadParameter when it holds bytes that are not UTF-8."""
    try:
        str(value).encode()
    except UnicodeEncodeError as error:
        raise typer.BadParameter("the value is not valid UTF-8") from error
    return value


def _option(name: str, about: str, *names: str, **values: Any) -> Any:
    """Return an option that a SIMULATOR_ variable sets too."""
    return typer.Option(
        f"--{name}",
        *names,
        envvar=f"SIMULATOR_{name.upper().replace('-', '_')}",
        callback=_valid_text,
        help=about,
        **values,
    )


Host = Annotated[str, _option("host", "The address to listen on.")]
Port = Annotated[int, _option("port", "The port; 0 takes a free one.", min=0, max=65535)]
State = Annotated[
    Path | None,
    _option("state", "The SQLite file that keeps orders. (default: memory)", show_default=False),
]
CallUrl = Annotated[
    str | None,
    _option("call-url", "The URL to call; without one no call is made.", show_default=False),
]
CallMethod = Annotated[
    Method, _option("method", "How calls send their values.", case_sensitive=False)
]
Parameters = Annotated[
    str | None,
    _option(
        "parameters",
        "The parameters that calls carry, with commas. (default: all)",
        show_default=False,
    ),
]
Retries = Annotated[int, _option("retries", "Retries after a timeout.", min=0)]
Optional_ = Annotated[bool, _option("optional-statuses", "Call for 02 and 03 too.")]
Smtp = Annotated[
    str | None,
    _option("smtp", "The SMTP server that gets mails, as host:port.", show_default=False),
]
Maildir = Annotated[
    str | None, _option("maildir", "The Maildir that gets mails.", show_default=False)
]
ClientIps = Annotated[
    str | None,
    _option("clientips", "The IPコード that may apply, with commas.", show_default=False),
]
TestIds = Annotated[
    str | None, _option("test-ids", "The valid test IDs, with commas.", show_default=False)
]
Days = Annotated[int, _option("deadline-days", "Days until the payment deadline.", min=2, max=59)]
Speed = Annotated[float, _option("clock-speed", "Simulated seconds in a real second.")]
Anywhere = Annotated[bool, _option("anywhere", "Listen for and call other machines too.")]


Replay = Annotated[
    Path | None,
    _option(
        "replay",
        "Replay a recording, report how the simulator differs, and end.",
        exists=True,
        dir_okay=False,
        show_default=False,
    ),
]
Given = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        envvar="SIMULATOR_SET",
        metavar="NAME=VALUE",
        help="Any setting by its name, the value as JSON (repeatable): faults.calls.times=2.",
        show_default=False,
    ),
]


def simulator(
    host: Host = "127.0.0.1",
    port: Port = DEFAULT_PORT,
    state: State = None,
    call_url: CallUrl = None,
    method: CallMethod = Method.GET,
    parameters: Parameters = None,
    retries: Retries = 0,
    optional_statuses: Optional_ = False,
    smtp: Smtp = None,
    maildir: Maildir = None,
    clientips: ClientIps = None,
    test_ids: TestIds = None,
    deadline_days: Days = 30,
    clock_speed: Speed = 1.0,
    anywhere: Anywhere = False,
    given: Given = None,
    replay: Replay = None,
) -> None:
    """Be Zeus: take applications, keep slips, and call and mail as Zeus does.

    Prints one line of JSON with its address when it listens. Its API, its settings, its magic
    values and the form of recordings are in docs/reference/simulator.md.
    """
    options = {
        "call_url": call_url,
        "method": method,
        "parameters": _names(parameters),
        "retries": retries,
        "optional_statuses": optional_statuses,
        "mails": {"smtp": smtp, "maildir": maildir},
        "clientips": _names(clientips),
        "test_ids": _names(test_ids),
        "deadline_days": deadline_days,
        "clock": {"speed": clock_speed},
        "anywhere": anywhere,
    }
    settings = _settings(
        {name: value for name, value in options.items() if value is not None}, given or []
    )
    if replay:
        _replay(replay, settings)
    if not anywhere and not is_loopback(host):
        _refuse(f"{host} can be reached from other machines; say --anywhere if that is wanted")
    asyncio.run(_serve(_bound(host, port), state, settings))


def _replay(path: Path, settings: SimulatorSettings) -> NoReturn:
    """Print every difference between a recording and the simulator; exit with 1 if there is one."""
    from app.simulator.replay.recording import UnreadableRecording, read_recording
    from app.simulator.replay.replay import RecordingReplay

    try:
        recording = read_recording(path)
    except UnreadableRecording as error:
        _refuse(str(error))
    differences = asyncio.run(RecordingReplay(recording).run(settings))
    for difference in differences:
        typer.echo(difference)
    typer.echo(f"{len(recording)} lines replayed, {len(differences)} differences")
    raise typer.Exit(_DIFFERENT if differences else 0)


def _names(text: str | None) -> tuple[str, ...] | None:
    return None if text is None else tuple(name.strip() for name in text.split(",") if name.strip())


def _settings(given: dict[str, Any], more: list[str]) -> SimulatorSettings:
    for assignment in more:
        _assign(given, *assignment.partition("=")[::2])
    try:
        return SimulatorSettings.model_validate(given)
    except ValidationError as error:
        _refuse(
            "; ".join(
                f"{'.'.join(map(str, fault['loc']))}: {fault['msg']}" for fault in error.errors()
            )
        )


def _assign(settings: dict[str, Any], path: str, text: str) -> None:
    """Set the setting at `path`, as `faults.calls.times`, to a JSON value, or else to a text."""
    *groups, name = path.strip().split(".")
    for group in groups:
        settings = settings.setdefault(group, {})
        if not isinstance(settings, dict):
            _refuse(f"{path}: {group} is not a group of settings")
    try:
        settings[name] = json.loads(text)
    except ValueError:
        settings[name] = text


def _refuse(text: str) -> NoReturn:
    typer.echo(text, err=True)
    raise typer.Exit(_WRONG)


def _bound(host: str, port: int) -> socket.socket:
    """Return a socket that is bound, so that port 0 has become a real one."""
    try:
        return socket.create_server((host, port), backlog=1024)
    except OSError as error:
        _refuse(f"cannot listen on {host}:{port}: {error.strerror}")


async def _serve(listening: socket.socket, state: Path | None, settings: SimulatorSettings) -> None:
    import uvicorn  # imported here, so that other commands start without it

    from app.simulator.server.application import MARK, ConnectionProtocol, make_simulator
    from app.simulator.server.zeus import SimulatedZeus
    from app.simulator.state.store import SlipStore

    application = make_simulator(SimulatedZeus(SlipStore(state), settings))
    config = uvicorn.Config(
        application,
        http=ConnectionProtocol,
        log_level="error",
        lifespan="on",
        server_header=False,
        headers=[MARK],
    )
    host, port = listening.getsockname()[:2]
    typer.echo(
        json.dumps(
            {"event": "listening", "simulator": True, "url": f"http://{host}:{port}", "port": port}
        )
    )
    await uvicorn.Server(config).serve([listening])
