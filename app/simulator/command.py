"""The command `zeus-relay simulate`."""

import asyncio
import secrets
from collections.abc import Iterable, Sequence
from typing import Annotated

import typer

from app.simulator.player.orders import ALL_PARAMETERS, EXAMPLE_CLIENTIP, Contract, build_run
from app.simulator.player.play import Observer, Retries, play, play_at_rate
from app.simulator.player.report import PlayResult, Report, json_of, line_of, table_of
from app.simulator.player.scenarios import SCENARIOS, Scenario
from app.simulator.player.target import (
    DEFAULT_TIMEOUT_S,
    CallTarget,
    HttpVersion,
    LineEnd,
    Method,
    target_of,
)
from app.terminal import print_json
from app.zeus.wire import Style

_ALL = "all"
_USUAL = "usual"


def _list_and_exit(wanted: bool) -> None:
    if not wanted:
        return
    for scenario in SCENARIOS.values():
        codes = " ".join(
            turn.status if turn.times == 1 else f"{turn.status}x{turn.times}"
            for turn in scenario.turns
        )
        typer.echo(f"{scenario.name:<24}{codes:<26}{scenario.about}")
    raise typer.Exit


def _target(
    url: str, method: Method, http: HttpVersion, line_end: LineEnd, timeout_s: float
) -> CallTarget:
    try:
        return target_of(url, method=method, http=http, line_end=line_end, timeout_s=timeout_s)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint="URL") from None


def _names(values: Iterable[str]) -> list[str]:
    """The names in `values`, each of which may hold several with commas between them."""
    return [name.strip() for value in values for name in value.split(",") if name.strip()]


def _scenarios(values: Sequence[str] | None) -> list[Scenario]:
    names = _names(values or [_USUAL])
    if not names:
        raise typer.BadParameter("names no scenario; --list shows them", param_hint="--scenario")
    if _ALL in names:
        return list(SCENARIOS.values())
    for name in names:
        if name not in SCENARIOS:
            raise typer.BadParameter(
                f"no scenario is called {name!r}; --list shows them", param_hint="--scenario"
            )
    return [SCENARIOS[name] for name in names]


def _clientip(text: str) -> str:
    if not text.isascii():
        raise typer.BadParameter("must be written in ASCII characters", param_hint="--clientip")
    return text


def _parameters(only: str | None) -> Sequence[str]:
    if only is None:
        return ALL_PARAMETERS
    names = _names([only])
    for name in names:
        if name not in ALL_PARAMETERS:
            raise typer.BadParameter(
                f"{name!r} is none of {', '.join(ALL_PARAMETERS)}", param_hint="--only"
            )
    return names


Url = Annotated[
    str,
    typer.Argument(
        metavar="URL",
        help="The receiver's notification URL, http or https. It may carry a query of its own.",
        show_default=False,
    ),
]
ScenarioNames = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        help="The scenario of each order: a name (see --list), several with commas, or "
        f"{_ALL}. (default: {_USUAL})",
    ),
]
Orders = Annotated[
    int, typer.Option("--orders", min=1, help="How many orders go through each scenario.")
]
Rate = Annotated[
    float | None,
    typer.Option(
        "--rate",
        min=0.001,
        help="Start this many calls a second, whatever the answers (load test).",
    ),
]
Connections = Annotated[
    int,
    typer.Option(
        "--connections", min=1, help="How many orders are called about at once; not with --rate."
    ),
]
CallMethod = Annotated[
    Method, typer.Option("--method", case_sensitive=False, help="How the values are sent.")
]
CallStyle = Annotated[
    Style,
    typer.Option("--style", help="How the values are escaped; raw sends Shift_JIS as 8-bit bytes."),
]
Http = Annotated[HttpVersion, typer.Option("--http", help="The HTTP version; 1.0 sends no Host.")]
Lines = Annotated[LineEnd, typer.Option("--line-end", help="How the lines of the request end.")]
Timeout = Annotated[
    float, typer.Option("--timeout", min=0.001, help="Seconds to wait for an answer, as Zeus does.")
]
RetryCount = Annotated[
    int,
    typer.Option(
        "--retries",
        min=0,
        help="Retries after a timeout. Zeus makes none unless the merchant ordered them.",
    ),
]
RetryAfter = Annotated[
    float, typer.Option("--retry-after", min=0, help="Seconds between a timeout and its retry.")
]
Clientip = Annotated[str, typer.Option("--clientip", help="The IPコード that the calls carry.")]
Only = Annotated[
    str | None,
    typer.Option(
        "--only", help="The parameters that are sent, with commas between them. (default: all 14)"
    ),
]
Seed = Annotated[
    int | None,
    typer.Option(
        "--seed", help="Repeats the orders of an earlier run. (default: by chance, and reported)"
    ),
]
AsJson = Annotated[bool, typer.Option("--json", help="Report as JSON.")]
ListOnly = Annotated[
    bool,
    typer.Option(
        "--list", is_eager=True, callback=_list_and_exit, help="List the scenarios and exit."
    ),
]


def simulate(
    url: Url,
    scenario: ScenarioNames = None,
    orders: Orders = 1,
    rate: Rate = None,
    connections: Connections = 8,
    method: CallMethod = Method.GET,
    style: CallStyle = Style.FULL,
    http: Http = HttpVersion.V1_0,
    line_end: Lines = LineEnd.CRLF,
    timeout: Timeout = DEFAULT_TIMEOUT_S,
    retries: RetryCount = 0,
    retry_after: RetryAfter = 0.0,
    clientip: Clientip = EXAMPLE_CLIENTIP,
    only: Only = None,
    seed: Seed = None,
    as_json: AsJson = False,
    list_only: ListOnly = False,
) -> None:
    """Play Zeus: call URL about invented orders; report each answer and what Zeus would have done.

    Exits with 1 if Zeus would have sent a CGI送信エラー通知 mail about any call.
    """
    if rate is not None and retries:
        raise typer.BadParameter(
            "a constant rate leaves no room for retries", param_hint="--retries"
        )
    target = _target(url, method, http, line_end, timeout)
    seed = secrets.randbelow(2**32) if seed is None else seed
    invented = build_run(
        _scenarios(scenario), orders, seed, Contract(_clientip(clientip), _parameters(only), style)
    )
    note = _observer(as_json=as_json, failures_only=rate is not None)
    if rate is None:
        report = asyncio.run(
            play(
                target,
                invented,
                connections=connections,
                retries=Retries(retries, retry_after),
                on_result=note,
            )
        )
    else:
        report = asyncio.run(play_at_rate(target, invented, rate, on_result=note))
    if as_json:
        print_json(json_of(report, seed))
    else:
        typer.echo(_text_of(report, seed, at_rate=rate is not None))
    raise typer.Exit(1 if report.mails else 0)


def _observer(*, as_json: bool, failures_only: bool) -> Observer:
    """Return an observer that prints each call as it ends; as JSON all are printed at the end.

    With `failures_only` it prints those that were not answered with 200.
    """

    def note(result: PlayResult) -> None:
        if not as_json and not (failures_only and result.outcome.status == 200):
            typer.echo(line_of(result))

    return note


def _text_of(report: Report, seed: int, *, at_rate: bool) -> str:
    pace = f"seed {seed}: {len(report.results)} calls in {report.duration_s:.1f} s"
    pace += f", {report.calls_per_s:.1f} a second"
    if at_rate:
        missed = f"{report.latest_start_s * 1000:.1f} ms"
        pace += f"; latency from the intended start, which was missed by at most {missed}"
    return f"\n{table_of(report.summaries())}\n\n{pace}"
