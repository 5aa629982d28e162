"""Forms of the console: parsing, origin check, and paths for redirects."""

import pytest
from starlette.datastructures import Headers

from app.console.http.forms import FormTooLarge, parse_form
from app.console.http.page_request import order_path, path_here
from app.console.http.session import comes_from_here

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
