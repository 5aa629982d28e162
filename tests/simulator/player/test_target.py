"""The bytes of a request are exactly those that Zeus, or something as odd, would send."""

import ssl

import pytest

from app.simulator.player.target import HttpVersion, LineEnd, Method, request_bytes, target_of

URL = "http://198.51.100.7:8000/zeus/notify"
QUERY = b"order_no=1-2&username=\x83\x52\x83\x93&sendid=a#b"


def test_by_default_it_is_a_bare_http_1_0_get() -> None:
    assert (
        request_bytes(target_of(URL), QUERY)
        == b"GET /zeus/notify?order_no=1-2&username=\x83\x52\x83\x93&sendid=a#b HTTP/1.0\r\n\r\n"
    )


def test_http_1_1_has_a_host_and_closes() -> None:
    assert request_bytes(target_of(URL, http=HttpVersion.V1_1), b"status=04") == (
        b"GET /zeus/notify?status=04 HTTP/1.1\r\nHost: 198.51.100.7:8000\r\n"
        b"Connection: close\r\n\r\n"
    )


def test_post_puts_the_values_into_the_body() -> None:
    assert request_bytes(target_of(URL, method=Method.POST), b"status=04") == (
        b"POST /zeus/notify HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 9\r\n\r\nstatus=04"
    )


def test_lines_can_end_in_lf_alone() -> None:
    assert request_bytes(
        target_of(URL, http=HttpVersion.V1_1, line_end=LineEnd.LF), b"status=04"
    ) == (b"GET /zeus/notify?status=04 HTTP/1.1\nHost: 198.51.100.7:8000\nConnection: close\n\n")


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        (Method.GET, b"GET /n?shop=1&status=04 HTTP/1.0\r\n\r\n"),
        (
            Method.POST,
            b"POST /n?shop=1 HTTP/1.0\r\nContent-Type: application/x-www-form-urlencoded\r\n"
            b"Content-Length: 9\r\n\r\nstatus=04",
        ),
    ],
)
def test_a_registered_url_keeps_a_query_of_its_own(method: Method, expected: bytes) -> None:
    assert (
        request_bytes(target_of("http://192.0.2.1/n?shop=1", method=method), b"status=04")
        == expected
    )


@pytest.mark.parametrize(
    ("url", "host", "port", "path"),
    [
        ("http://192.0.2.1", "192.0.2.1", 80, b"/"),
        ("https://shop.example.com/zeus/notify/", "shop.example.com", 443, b"/zeus/notify/"),
        ("http://[2001:db8::1]:8000/n#part", "2001:db8::1", 8000, b"/n"),
    ],
)
def test_a_url_is_taken_apart(url: str, host: str, port: int, path: bytes) -> None:
    target = target_of(url)

    assert (target.host, target.port, target.path) == (host, port, path)
    assert (target.tls is not None) == url.startswith("https")


def test_https_checks_the_certificate_unless_told_otherwise() -> None:
    tls = target_of("https://192.0.2.1/").tls

    assert tls is not None
    assert (tls.verify_mode, tls.check_hostname) == (ssl.CERT_REQUIRED, True)


@pytest.mark.parametrize(
    "url",
    [
        "ftp://192.0.2.1/s3cret",
        "192.0.2.1/s3cret",
        "http:///s3cret",
        "http://192.0.2.1/s3cret here",
        "http://192.0.2.1/s3cret\r\nX: y",
        "http://192.0.2.1/s3cret/é",
        "http://user@192.0.2.1/s3cret",
        "http://shop..example.com/s3cret",
        "http://192.0.2.1:99999/s3cret",
        "http://[192.0.2.1/s3cret",
        "",
    ],
)
def test_a_url_that_cannot_be_called_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ValueError) as refused:
        target_of(url)
    assert "s3cret" not in str(refused.value)
