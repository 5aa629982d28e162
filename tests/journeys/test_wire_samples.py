"""Raw calls in every spelling: the real server answers 200 and stores their exact values."""

import base64
import json
from pathlib import Path

import pytest

from tests.journeys.conftest import Site, judged_notices
from tests.processes import Starter
from tests.raw_http import exchange, status_of

SAMPLES = json.loads((Path(__file__).parents[1] / "zeus" / "wire_samples.json").read_text())[
    "samples"
]


async def test_every_sample_is_stored_with_its_exact_values(site: Site, starter: Starter) -> None:
    receiver = starter.start("receive", **site.settings)
    starter.start("work", **site.settings)
    host, port = await receiver.ready("receiver")
    requests = [
        base64.b64decode(sample["request"]).replace(b"{path}", b"/zeus/notify")
        for sample in SAMPLES
    ]
    for sample, request in zip(SAMPLES, requests, strict=True):
        assert status_of(await exchange(host, port, request)) == 200, sample["name"]
    notices = await judged_notices(site.database_url)
    for sample, request, notice in zip(SAMPLES, requests, notices, strict=True):
        assert sample["verdict"] == notice["verdict"], sample["name"]
        stored = json.loads(notice["parameters"])
        assert sample["values"] == {name: stored[name] for name in sample["values"]}, sample["name"]
        if sample["values"]:
            assert set(sample["values"]) == set(stored), sample["name"]
        line = request.split(b"\r\n")[0]
        assert notice["target"] == line[line.index(b" ") + 1 : line.rindex(b" ")], sample["name"]


BAD = {
    "unknown status": (b"order_no=b-1&status=77", "quarantined", ["unknown_status"]),
    "no order_no": (b"status=04", "quarantined", ["missing_order_no"]),
    "a key twice": (b"order_no=b-3&status=04&status=05", "quarantined", ["repeated_key:status"]),
    "another contract": (
        b"order_no=b-4&status=04&clientip=9999999999",
        "quarantined",
        ["unknown_ip_code"],
    ),
    "bytes that are no text": (b"order_no=b-5&status=04&username=%FF%FE%80", "accepted", []),
    "NUL": (b"order_no=b-6&status=04&sendid=a%00b", "accepted", []),
    "NUL in the order_no": (b"order_no=b%007&status=04", "quarantined", ["invisible:order_no"]),
    "8 KB": (b"order_no=b-8&status=04&sendpoint=" + b"x" * 8192, "accepted", []),
    "8 KB of order_no": (
        b"order_no=" + b"9" * 8192 + b"&status=04",
        "quarantined",
        ["unusable_order_no"],
    ),
    "8 KB of status": (b"order_no=b-10&status=" + b"4" * 8192, "quarantined", ["unknown_status"]),
    "8 KB of money": (b"order_no=b-11&status=04&money=" + b"9" * 8192, "accepted", []),
    "nothing at all": (b"", "quarantined", ["missing_order_no", "missing_status"]),
    "only separators": (b"&&==&%&;&", "quarantined", ["missing_order_no", "missing_status"]),
    "a million of nothing": (b"&" * 30_000, "quarantined", ["missing_order_no", "missing_status"]),
}


@pytest.mark.parametrize("method", [b"GET", b"POST"])
async def test_invalid_input_is_kept_verbatim_with_its_reason(
    site: Site, starter: Starter, method: bytes
) -> None:
    settings = {**site.settings, "IP_CODES": "2012000001"}
    receiver = starter.start("receive", **settings)
    starter.start("work", **settings)
    host, port = await receiver.ready("receiver")
    for name, (query, _, _) in BAD.items():
        request = b"GET /zeus/notify?" + query + b" HTTP/1.0\r\n\r\n"
        if method == b"POST":
            request = (
                b"POST /zeus/notify HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(query) + query
            )
        assert status_of(await exchange(host, port, request)) == 200, name
        assert (
            status_of(
                await exchange(
                    host, port, b"GET /zeus/notify?order_no=good&status=01 HTTP/1.0\r\n\r\n"
                )
            )
            == 200
        ), name
    notices = [
        notice for notice in await judged_notices(site.database_url) if notice["order_no"] != "good"
    ]
    for (name, (query, verdict, reasons)), notice in zip(BAD.items(), notices, strict=True):
        kept = notice["body"] if method == b"POST" else notice["target"].partition(b"?")[2]
        assert query == kept, name
        assert (verdict, reasons) == (notice["verdict"], notice["reasons"]), name
