"""Units of the console without a server: limiter, forms, paths, settings and warnings."""

import asyncio
import time
from datetime import timedelta

import pytest
from starlette.datastructures import Headers

from app.clock import now
from app.console.http.forms import FormTooLarge, parse_form
from app.console.http.page_request import order_path, path_here
from app.console.http.session import comes_from_here
from app.console.http.sign_in_limiter import (
    MAX_SLOWED,
    PER_ADDRESS,
    SLOW_AFTER,
    SLOW_SECONDS,
    SignInLimiter,
)
from app.console.views.effective_settings import Origin, shown_settings
from app.console.views.warnings import Severity, page_warnings
from app.network.allowed_sources import parse_address
from app.operations.monitoring.overview import Overview, SpoolSeen, SubscriberHealth
from app.operations.reviews.attention import AttentionCounts
from app.settings import Settings


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


HOST = ("host", "relay.example")
FORWARDED = ("x-forwarded-host", "console.example")


@pytest.mark.parametrize(
    ("ours", "behind_proxy", "headers"),
    [
        (True, False, [HOST]),
        (True, False, [HOST, ("origin", "https://relay.example")]),
        (True, False, [HOST, ("origin", "http://relay.example")]),
        (True, False, [("host", "relay.example:443"), ("origin", "https://RELAY.example")]),
        (True, False, [("host", "[::1]:8001"), ("origin", "http://[::1]:8001")]),
        (True, False, [HOST, ("referer", "https://relay.example/orders?day=1")]),
        (
            True,
            False,
            [HOST, ("sec-fetch-site", "same-origin"), ("origin", "https://relay.example")],
        ),
        (True, True, [HOST, FORWARDED, ("origin", "https://console.example")]),
        (True, True, [HOST, ("origin", "https://relay.example")]),
        (False, False, [HOST, ("origin", "null")]),
        (False, True, [HOST, ("origin", "null")]),
        (False, False, [HOST, ("origin", "")]),
        (False, False, [HOST, ("origin", "https://evil.example")]),
        (False, False, [HOST, ("origin", "https://relay.example.evil.example")]),
        (False, False, [HOST, ("origin", "https://relay.example:8443")]),
        (
            False,
            False,
            [HOST, ("origin", "https://relay.example"), ("origin", "https://evil.example")],
        ),
        (
            False,
            False,
            [HOST, ("origin", "https://evil.example"), ("referer", "https://relay.example/")],
        ),
        (False, False, [HOST, ("referer", "https://evil.example/relay.example")]),
        (False, False, [HOST, FORWARDED, ("origin", "https://console.example")]),
        (False, False, [HOST, ("sec-fetch-site", "cross-site")]),
        (
            False,
            False,
            [HOST, ("sec-fetch-site", "same-site"), ("origin", "https://relay.example")],
        ),
        (False, False, [("origin", "https://relay.example")]),
        (False, False, [HOST, ("origin", "https://relay.example:x")]),
    ],
)
def test_origin_check_of_forms(
    ours: bool, behind_proxy: bool, headers: list[tuple[str, str]]
) -> None:
    raw = [(name.encode(), value.encode()) for name, value in headers]
    assert ours is comes_from_here(Headers(raw=raw), behind_proxy=behind_proxy)


def test_form_parsing() -> None:
    form = parse_form(b"name=+shop+&event_types=a&event_types=b&on=&kana=%E3%82%B3&nul=a%00b")
    assert ("shop", ["a", "b"], True, False) == (
        form.text("name"),
        form.texts("event_types"),
        form.ticked("on"),
        form.ticked("off"),
    )
    assert ("コ", "a\ufffdb", "") == (form.text("kana"), form.text("nul"), form.text("missing"))
    with pytest.raises(FormTooLarge):
        parse_form(b"a=1&" * 500)


@pytest.mark.parametrize(
    "target",
    [
        "//evil.example",
        "https://evil.example",
        "/\\evil.example",
        "",
        "x",
        "/\tx",
        "/a\r\nset-cookie: x",
    ],
)
def test_redirects_stay_on_this_site(target: str) -> None:
    assert "/" == path_here(target)


def test_order_numbers_are_escaped_in_paths() -> None:
    assert "/orders/a%2Fb%3Fc%23d%25" == order_path("a/b?c#d%")
    assert "/attention?x=1" == path_here("/attention?x=1")


def test_kubernetes_service_variables_are_not_settings() -> None:
    shown = {
        one.variable: one
        for one in shown_settings(
            Settings(), {"RELAY_PUBLIC_PORT": "tcp://10.96.0.7:8000"}, "no-such-file"
        )
    }
    assert (Origin.DEFAULT, "8000") == (
        shown["RELAY_PUBLIC_PORT"].origin,
        shown["RELAY_PUBLIC_PORT"].text,
    )


def test_origins_of_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("settings") / ".env"
    file.write_text("RELAY_LOG_LEVEL=DEBUG\nRELAY_ADMIN_TOKEN=\n")
    settings = Settings(
        log_level="DEBUG",
        operator_port=9001,
        admin_token="b1946ac92492d2347c6235b4d2611184",
        hold_limit=5,
    )
    shown = {
        one.variable: one
        for one in shown_settings(
            settings, {"RELAY_ADMIN_TOKEN": "x", "RELAY_OPERATOR_PORT": "9001"}, str(file)
        )
    }
    assert len(Settings.model_fields) == len(shown)
    assert (Origin.FILE, "DEBUG") == (
        shown["RELAY_LOG_LEVEL"].origin,
        shown["RELAY_LOG_LEVEL"].text,
    )
    assert (Origin.ENVIRONMENT, "9001") == (
        shown["RELAY_OPERATOR_PORT"].origin,
        shown["RELAY_OPERATOR_PORT"].text,
    )
    assert (Origin.ENVIRONMENT, "1", True) == tuple(
        getattr(shown["RELAY_ADMIN_TOKEN"], name) for name in ("origin", "text", "hidden")
    )
    assert (Origin.DEFAULT, "") == (
        shown["RELAY_DATABASE_URL"].origin,
        shown["RELAY_DATABASE_URL"].text,
    )
    assert Origin.PROGRAM is shown["RELAY_HOLD_LIMIT"].origin
    assert (True, "2") == (
        shown["RELAY_ALLOWED_SOURCES"].hidden,
        shown["RELAY_ALLOWED_SOURCES"].text,
    )
    assert ("0s", "5d", "1GiB") == tuple(
        shown[f"RELAY_{name}"].text for name in ("STOP_DELAY", "PAUSE_AFTER", "SPOOL_LIMIT")
    )
    assert "0s, 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 1d" == shown["RELAY_RETRY_SCHEDULE"].text


def test_settings_are_shown_in_their_input_format() -> None:
    settings = Settings(answer_budget="1500ms", pause_after="36h", spool_limit="1500KiB")
    shown = {one.variable: one.text for one in shown_settings(settings, {}, "no-such-file")}
    for variable, text in (
        ("RELAY_ANSWER_BUDGET", "1500ms"),
        ("RELAY_PAUSE_AFTER", "36h"),
        ("RELAY_SPOOL_LIMIT", "1500KiB"),
    ):
        assert text == shown[variable]


def overview(**values: object) -> Overview:
    """Return the overview of a quiet day, changed by `values`."""
    nothing = AttentionCounts(
        quarantined=0, conflicts=0, rejected_samples=0, dead_webhooks=0, paused_subscribers=0
    )
    quiet = {
        "at": now(),
        "last_call_at": now(),
        "unjudged": 0,
        "oldest_unjudged_at": None,
        "undelivered": 0,
        "oldest_undelivered_at": None,
    }
    return Overview.model_validate(
        {**quiet, "hours": [], "subscribers": [], "attention": nothing, "spool": None, **values}
    )


def test_no_warnings_on_a_quiet_day() -> None:
    busy = {
        "unjudged": 40,
        "oldest_unjudged_at": now() - timedelta(seconds=2),
        "undelivered": 9,
        "oldest_undelivered_at": now(),
    }
    spool = SpoolSeen(
        records=0, segments=0, bytes=0, oldest_seconds=None, refused_records=0, torn_files=0
    )
    assert [] == [*page_warnings(overview()), *page_warnings(overview(**busy, spool=spool))]


NO_ATTENTION = {
    "quarantined": 0,
    "conflicts": 0,
    "rejected_samples": 0,
    "dead_webhooks": 0,
    "paused_subscribers": 0,
}
EMPTY_SPOOL = SpoolSeen(
    records=0, segments=0, bytes=0, oldest_seconds=None, refused_records=0, torn_files=0
)
ONE_RECORD = EMPTY_SPOOL.model_copy(
    update={"records": 1, "segments": 1, "bytes": 1, "oldest_seconds": 1}
)
ONE_REFUSED = EMPTY_SPOOL.model_copy(update={"bytes": 1, "refused_records": 1})
FAILING = SubscriberHealth(
    name="shop", state="active", pause_reason=None, failing=True, pending=1, dead=0
)


@pytest.mark.parametrize(
    ("values", "severity", "path"),
    [
        ({"unjudged": 3, "oldest_unjudged_at": now() - timedelta(minutes=2)}, Severity.BAD, "/"),
        ({"spool": ONE_RECORD}, Severity.BAD, "/"),
        ({"spool": ONE_REFUSED}, Severity.BAD, "/"),
        (
            {"undelivered": 3, "oldest_undelivered_at": now() - timedelta(minutes=16)},
            Severity.WARN,
            "/subscribers",
        ),
        ({"last_call_at": None}, Severity.WARN, "/onboarding"),
        (
            {"attention": NO_ATTENTION | {"quarantined": 1}},
            Severity.BAD,
            "/attention#quarantined",
        ),
        (
            {"attention": NO_ATTENTION | {"paused_subscribers": 1}},
            Severity.WARN,
            "/attention#paused",
        ),
        ({"subscribers": [FAILING]}, Severity.WARN, "/subscribers"),
    ],
)
def test_each_problem_has_a_warning_with_its_page(
    values: dict[str, object], severity: Severity, path: str
) -> None:
    assert [(severity, path)] == [
        (warning.severity, warning.path) for warning in page_warnings(overview(**values))
    ]


def test_warnings_are_sorted_by_severity() -> None:
    counts = {
        "quarantined": 2,
        "conflicts": 0,
        "rejected_samples": 1,
        "dead_webhooks": 0,
        "paused_subscribers": 0,
    }
    severities = [
        warning.severity for warning in page_warnings(overview(attention=counts, last_call_at=None))
    ]
    assert [Severity.BAD, Severity.WARN, Severity.WARN] == severities
