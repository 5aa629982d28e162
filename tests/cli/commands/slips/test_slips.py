"""Commands of applications against a simulated Zeus: exit codes, keys, lists and resolutions."""

import re
import socket
import threading
from collections.abc import AsyncIterator

import pytest

from tests.api.api_client import serving
from tests.applications.application_setup import CLIENTIP, ok_answer, simulated
from tests.cli.conftest import Cli
from tests.operations.operations_setup import EMAIL, PERSONAL, OperationsSetup

CUSTOMER = ("--name", "コンビニ タロウ", "--telno", "03-1234-5678", "--email", EMAIL)
GOOD = ("apply", "--money", "5400", "--store", "lawson", *CUSTOMER, "--sendid", "A-1001")


def _with(cli: Cli, url: str) -> Cli:
    return Cli(
        cli.environment
        | {
            "RELAY_APPLICATION_URL": url,
            "RELAY_IP_CODES": CLIENTIP,
            "RELAY_TEST_ID": "12345678",
            "RELAY_SUPPORT_CONTACT": "0120-000-000",
            "RELAY_APPLICATION_TIMEOUT": "1s",
        }
    )


@pytest.fixture
async def shop(cli: Cli) -> AsyncIterator[Cli]:
    """Commands that apply at a simulated Zeus."""
    async with simulated() as (_, url):
        yield _with(cli, url)


async def test_a_slip_is_printed_with_its_numbers_and_its_key(shop: Cli) -> None:
    result = await shop(*GOOD)
    assert re.search(r"^state +accepted$", result.stdout, re.MULTILINE)
    assert re.search(r"^受付番号 +\d+$", result.stdout, re.MULTILINE)
    assert "For the customer (en)" in result.stdout
    assert "お問い合わせ先: 0120-000-000" in result.stdout
    assert [] == [value for value in PERSONAL if value in result.output]
    key = re.fullmatch(r"--idempotency-key (\S+)\n", result.stderr)
    assert key, result.stderr
    first = re.search(r"^id +(\S+)$", result.stdout, re.MULTILINE)
    again = await shop(*GOOD, "--idempotency-key", key[1])
    assert first, result.stdout
    assert first[0] in again.stdout
    assert "" == again.stderr


async def test_a_second_slip_for_a_purchase_needs_replaces(shop: Cli) -> None:
    first = await shop.json(*GOOD)
    refused = await shop(*GOOD, code=1)
    assert f"Its id is {first['id']}." in refused.stderr
    second = await shop.json(*GOOD, "--replaces", first["id"], "--test", "confirmed")
    assert (first["id"], "confirmed") == (second["replaces"], second["test"])
    listed = (await shop("applications", "list", "--test", "only")).stdout.splitlines()
    assert 2 == len(listed)
    assert re.match(r"CREATED +STATE +YEN +STORE +SENDID +ORDER_NO +TEST +ID$", listed[0])
    assert second["id"] in listed[1]
    real = await shop.json("applications", "list", "--test", "exclude", "--sendid", "A-1001")
    assert [first["id"]] == [one["id"] for one in real["items"]]


async def test_every_fault_is_printed_and_no_value(shop: Cli) -> None:
    wrong = ("--name", "山田太郎", "--telno", "1", "--email", "none")
    result = await shop("apply", "--money", "1", "--store", "kiosk", *wrong, code=1)
    for pointer in ("/money", "/store", "/customer/name", "/customer/telno", "/customer/email"):
        assert re.search(rf"^{pointer}: ", result.stderr, re.MULTILINE), pointer
    assert "山田" not in result.output
    assert "No applications found.\n" == (await shop("applications", "list")).stdout


async def test_an_error_of_zeus_ends_with_code_4(cli: Cli) -> None:
    body = b"rel=failure_order\r\nerror_code=0008\r\n"
    with _AnsweringPort(ok_answer(body)) as url:
        result = await _with(cli, url)(*GOOD, code=4)
    assert re.search(r"^state +failed$", result.stdout, re.MULTILINE)
    assert re.search(r"^error code +0008$", result.stdout, re.MULTILINE)
    assert re.search(r"^retry +other_store$", result.stdout, re.MULTILINE)


async def test_nothing_sent_ends_with_code_5_and_the_key_may_be_used_again(cli: Cli) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{closed.getsockname()[1]}/cgi-bin/cvs.cgi"
        result = await _with(cli, url)(*GOOD, "--idempotency-key", "k-1", code=5)
    assert re.search(r"^state +not_sent$", result.stdout, re.MULTILINE)
    async with simulated() as (_, there):
        again = await _with(cli, there)(*GOOD, "--idempotency-key", "k-1")
    assert re.search(r"^state +accepted$", again.stdout, re.MULTILINE)


async def test_an_unknown_outcome_ends_with_code_3_and_is_resolved(
    cli: Cli, setup: OperationsSetup
) -> None:
    with _AnsweringPort(b"") as url:
        shop = _with(cli, url)
        unknown = await shop.json(*GOOD, code=3)
    assert "unknown" == unknown["state"]
    await shop("applications", "resolve", unknown["id"], code=2)
    await shop("applications", "resolve", unknown["id"], "--order-no", "a b", code=1)
    done = await shop.json("applications", "resolve", unknown["id"], "--order-no", "1234-5")
    assert ("accepted", "1234-5") == (done["state"], done["order_no"])
    refused = await shop("applications", "resolve", unknown["id"], "--failed", code=1)
    assert "Only an unknown one can be resolved." in refused.stderr
    shown = await shop.json("applications", "show", unknown["id"], "--personal")
    assert EMAIL == shown["customer"]["email"]
    async with serving(setup.sessions, setup.vault) as api:
        assert (await cli.json("applications", "list")) == (await api.get("/applications")).json


async def test_a_failed_outcome_is_resolved_so(cli: Cli) -> None:
    with _AnsweringPort(b"") as url:
        shop = _with(cli, url)
        unknown = await shop.json(*GOOD, code=3)
    done = await shop("applications", "resolve", unknown["id"], "--failed")
    assert re.search(r"^state +failed$", done.stdout, re.MULTILINE)


async def test_without_an_address_nothing_is_applied_for(cli: Cli) -> None:
    result = await cli(*GOOD, code=1)
    assert "RELAY_APPLICATION_URL" in result.stderr
    missing = await cli("applications", "show", "01a21b9b-7fd4-754b-884a-8133324fad29", code=1)
    assert "There is no application with this id.\n" == missing.stderr


class _AnsweringPort:
    """A loopback port that answers every connection with these bytes, then closes it."""

    def __init__(self, answer: bytes) -> None:
        self._answer = answer

    def __enter__(self) -> str:
        self._socket = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self._serve, daemon=True).start()
        return f"http://127.0.0.1:{self._socket.getsockname()[1]}/cgi-bin/cvs.cgi"

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                connection.sendall(self._answer)

    def __exit__(self, *_: object) -> None:
        self._socket.close()
