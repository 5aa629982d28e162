"""Commands of operators: output for people, JSON for programs, and exit codes."""

import csv
import io
import json
import re
from datetime import timedelta

from app.clock import now
from tests.api.api_client import serving
from tests.cli.conftest import Cli
from tests.operations.operations_setup import (
    EMAIL,
    NAME,
    ORDER_NO,
    PERSONAL,
    SOURCE,
    TELNO,
    OperationsSetup,
)
from tests.subscriber import subscriber

URL = "https://shop.example/hooks"
SECRET = "whsec_" + "A" * 32


async def test_lifecycle_of_a_subscriber(cli: Cli) -> None:
    added = await cli(
        "subscribers",
        "add",
        "shop",
        URL,
        "--events",
        "payment.received, payment.confirmed",
        "--customer",
    )
    assert re.search(r"^secret +whsec_\S{44}$", added.stdout, re.MULTILINE)
    assert "The secret is not shown again." in added.stderr
    listed = (await cli("subscribers", "list")).stdout.splitlines()
    assert "NAME  STATE   EVENTS                              CUSTOMER  URL" == listed[0]
    assert f"shop  active  payment.received,payment.confirmed  yes       {URL}" == listed[1]
    shown = (await cli("subscribers", "show", "shop")).stdout
    assert "whsec_" not in shown
    assert re.search(r"^pending +0$", shown, re.MULTILINE)
    await cli("subscribers", "pause", "shop", "--reason", "棚卸し")
    assert "paused (棚卸し)" in (await cli("subscribers", "list")).stdout
    assert "active" in (await cli("subscribers", "resume", "shop")).stdout
    assert (
        SECRET
        in (
            await cli("subscribers", "rotate-secret", "shop", "--overlap", "1h", "--secret", SECRET)
        ).stdout
    )
    assert "removed shop\n" == (await cli("subscribers", "remove", "shop")).stdout
    assert "There are no subscribers" in (await cli("subscribers", "list")).stdout
    assert (
        "There is no subscriber with this name.\n"
        == (await cli("subscribers", "show", "shop", code=1)).stderr
    )


async def test_json_is_that_of_the_api(cli: Cli, setup: OperationsSetup) -> None:
    added = await cli.json("subscribers", "add", "shop", URL, "--secret", SECRET)
    assert (SECRET, None, False) == (added["secret"], added["event_types"], added["customer"])
    await setup.judged("01", "04", "99")
    notice_id = (await setup.rows("SELECT id FROM notices ORDER BY id LIMIT 1"))[0].id
    webhook_id = (await setup.rows("SELECT id FROM outbound_webhooks ORDER BY id LIMIT 1"))[0].id
    async with serving(setup.sessions, setup.vault) as api:
        for path, arguments in (
            ("/subscribers", ("subscribers", "list")),
            ("/subscribers/shop", ("subscribers", "show", "shop")),
            (f"/orders/{ORDER_NO}", ("orders", "show", ORDER_NO)),
            ("/orders?state=paid", ("orders", "search", "--state", "paid")),
            ("/totals?by=clientip", ("totals", "--by", "clientip")),
            (f"/orders/{ORDER_NO}?personal=true", ("orders", "show", ORDER_NO, "--personal")),
            (
                "/notices?verdict=quarantined&limit=1",
                ("notices", "list", "--verdict", "quarantined", "--limit", "1"),
            ),
            (f"/notices?order_no={ORDER_NO}", ("notices", "list", "--order-no", ORDER_NO)),
            (f"/notices/{notice_id}", ("notices", "show", str(notice_id))),
            (
                f"/notices/{notice_id}?personal=true",
                ("notices", "show", str(notice_id), "--personal"),
            ),
            (
                "/outbound-webhooks?state=pending&state=dead&subscriber=shop",
                ("outbound", "list", "--undelivered", "--subscriber", "shop"),
            ),
        ):
            assert (await api.get(path)).json == await cli.json(*arguments)
        retried = await cli.json("outbound", "retry", str(webhook_id))
        assert (await api.get(f"/outbound-webhooks/{webhook_id}")).json == retried


async def test_orders_show_output(cli: Cli, setup: OperationsSetup) -> None:
    await setup.add("shop", event_types=["payment.received"])
    await setup.judged("01", "04", "04")
    shown = (await cli("orders", "show", ORDER_NO)).stdout
    for line in (
        r"status +04 入金済",
        r"state +paid",
        r"money +5,400 yen",
        r"store +D001 セブン-イレブン",
        r"払込票番号 +1234567890123",
        r"customer name +\*\*\*",
        r"\S+ \S+Z  04 入金済  duplicate +-  +-  +[0-9a-f-]{36}",
        r"\d+  payment.received to shop: pending, due \S+ \S+Z",
    ):
        assert re.search(rf"^{line}$", shown, re.MULTILINE), line
    assert [] == [secret for secret in PERSONAL if secret in shown]
    personal = (await cli("orders", "show", ORDER_NO, "--personal")).stdout
    assert [NAME, TELNO, EMAIL] == [secret for secret in PERSONAL if secret in personal]
    assert "No call with this order_no" in (await cli("orders", "show", "unknown", code=1)).stderr


async def test_full_width_search_values(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", money="5400")
    typed = ORDER_NO.replace("-", "ー") + "　"
    assert ORDER_NO in (await cli("orders", "show", typed)).stdout
    for option, value in (
        ("--order-no", typed),
        ("--money", "￥5,400"),
        ("--telno-tail", "５６７８"),
        ("--money", "５４００円"),
    ):
        assert ORDER_NO in (await cli("orders", "search", option, value)).stdout, option


async def test_orders_search_options(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged(
        "01", order_no="1234-56789-09999", telno="0398765432", money="900", sendid="A-1002"
    )
    today = (now() + timedelta(hours=9)).date().isoformat()
    for option, value in (
        ("--telno-tail", TELNO[-4:]),
        ("--money", "5400"),
        ("--sendid", "A-1001"),
        ("--order-no", ORDER_NO),
    ):
        found = await cli.json("orders", "search", option, value, "--date", today)
        assert [ORDER_NO] == [order["order_no"] for order in found["items"]], option
    listed = (await cli("orders", "search", "--limit", "1")).stdout.splitlines()
    assert re.fullmatch(
        r"1234-56789-09999  awaiting_payment  900  セブン-イレブン  A-1002  \S+ \S+Z  -", listed[1]
    )
    cursor = listed[2].removeprefix("There are more: --cursor ")
    assert ORDER_NO in (await cli("orders", "search", "--cursor", cursor)).stdout
    assert [] == [secret for secret in PERSONAL if secret in "\n".join(listed)]
    assert "No orders found.\n" == (await cli("orders", "search", "--money", "1")).stdout
    for option, value in (("telno_tail", "12"), ("money", "-1"), ("date", "yesterday")):
        refused = (
            await cli("orders", "search", f"--{option.replace('_', '-')}", value, code=1)
        ).stderr
        assert refused.startswith(f"{option}: "), refused


async def test_orders_are_found_by_state_and_days(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("01", order_no="other")
    today = (now() + timedelta(hours=9)).date().isoformat()
    days = ("--from", today, "--to", today)
    for options, found in (
        (("--state", "paid"), [ORDER_NO]),
        (("--state", "awaiting_payment", *days), ["other"]),
        (days, ["other", ORDER_NO]),
        (("--to", "2020-01-01"), []),
    ):
        page = await cli.json("orders", "search", *options)
        assert found == [order["order_no"] for order in page["items"]], options
        exported = (await cli("orders", "export", *options)).stdout_bytes.decode("utf-8-sig")
        rows = csv.DictReader(io.StringIO(exported, newline=""))
        assert found == [row["order_no"] for row in rows], options
    for command in ("search", "export"):
        refused = await cli("orders", command, "--from", today, "--to", "2020-01-01", code=1)
        assert "from: `from` is later than `to`.\n" == refused.stderr
        await cli("orders", command, "--state", "unpaid", code=2)


async def test_totals_output(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("01", order_no="other", money="900")
    printed = (await cli("totals", "--by", "store")).stdout.splitlines()
    columns = r"2 +6,300 +1 +5,400 +awaiting_payment 1,paid 1"
    assert re.fullmatch(r"STORE +ORDERS +YEN +PAYABLE +PAYABLE YEN +STATES", printed[0])
    assert re.fullmatch(rf"D001 セブン-イレブン +{columns}", printed[1])
    assert re.fullmatch(rf"total +{columns}", printed[2])
    whole = (await cli("totals")).stdout.splitlines()
    assert (33, "Orders of test applications are left out; see --test.") == (len(whole), whole[-1])
    await setup.run("UPDATE orders SET test = true WHERE order_no = :no", no=ORDER_NO)
    assert "awaiting_payment 1" in (await cli("totals", "--by", "store")).stdout
    assert "paid 1" not in (await cli("totals", "--by", "store")).stdout
    only = (await cli("totals", "--by", "store", "--test", "only")).stdout
    assert ("paid 1" in only, "Only orders of test" in only) == (True, True)
    found = (await cli("orders", "search", "--test", "only")).stdout
    assert re.search(rf"{ORDER_NO} .*Z  test$", found, re.MULTILINE)
    assert "from: " in (await cli("totals", "--from", "2020-01-01", "--to", today(), code=1)).stderr


def today() -> str:
    """Return the day in Japan."""
    return (now() + timedelta(hours=9)).date().isoformat()


async def test_notices_output(cli: Cli, setup: OperationsSetup) -> None:
    await setup.call("04", clientip="2012999999", order_no="あ")
    await setup.judge("2012000001")
    (heading, row) = (await cli("notices", "list", "--verdict", "quarantined")).stdout.splitlines()
    assert heading.startswith("RECEIVED              ORDER_NO  STATUS     VERDICT      REASONS")
    assert re.fullmatch(
        r"\S+ \S+Z  あ        04 入金済  quarantined  unknown_ip_code  unusual:order_no  "
        r"([0-9a-f-]{36})",
        row,
    )
    notice_id = row.split()[-1]
    shown = (await cli("notices", "show", notice_id)).stdout
    assert re.search(r"^telno +\*\*\*$", shown, re.MULTILINE)
    assert re.search(r"^GET \*\*\*\?clientip=2012999999&", shown, re.MULTILINE)
    assert [] == [secret for secret in (*PERSONAL, SOURCE) if secret in shown]
    assert SOURCE in (await cli("notices", "show", notice_id, "--personal")).stdout
    assert f"released {notice_id}" in (await cli("notices", "release", notice_id)).stdout
    assert "verdict:unjudged" in (await cli("notices", "release", notice_id, code=1)).stderr
    assert "No calls found.\n" == (await cli("notices", "list", "--verdict", "conflict")).stdout


async def test_a_list_prints_the_next_cursor(cli: Cli, setup: OperationsSetup) -> None:
    await setup.call("01", "01", "01")
    first = (await cli("notices", "list", "--limit", "2")).stdout
    cursor = re.search(r"There are more: --cursor (\S+)", first)
    assert cursor
    rest = (await cli("notices", "list", "--limit", "2", "--cursor", cursor[1])).stdout.splitlines()
    assert 2 == len(rest)
    assert (
        "cursor: The cursor is not from this list"
        in (await cli("notices", "list", "--cursor", "x", code=1)).stderr
    )


async def test_outbound_output(cli: Cli, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04")
    await setup.run(
        "UPDATE outbound_webhooks SET state = 'dead', attempts = 10, "
        "last_outcome = 'http_5xx' WHERE sequence = 2"
    )
    listed = (await cli("outbound", "list", "--undelivered")).stdout.splitlines()
    assert re.search(
        rf"  shop        payment.received  {ORDER_NO}  dead     10     http_5xx  -$", listed[1]
    )
    assert re.search(
        rf"  shop        order.accepted    {ORDER_NO}  pending  0      -         \S+ \S+Z$",
        listed[2],
    )
    assert 2 == len((await cli("outbound", "list", "--state", "dead")).stdout.splitlines())
    assert (
        "payment.received to shop is due now\n"
        == (await cli("outbound", "retry", listed[1].split()[0])).stdout
    )
    assert "No webhooks found.\n" == (await cli("outbound", "list", "--state", "dead")).stdout
    assert (
        "no outbound webhook with this id"
        in (await cli("outbound", "retry", "999999", code=1)).stderr
    )
    await cli("outbound", "list", "--undelivered", "--state", "dead", code=2)


async def test_subscribers_test(cli: Cli, setup: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        await cli("subscribers", "add", "shop", merchant.url, "--secret", SECRET)
        async with setup.forwarder():
            delivered = (await cli("subscribers", "test", "shop")).stdout
            merchant.status = 500
            failed = await cli.json("subscribers", "test", "shop", code=1)
    assert re.search(r"^state +delivered$", delivered, re.MULTILINE)
    assert ("http_5xx", 500) == (failed["attempt"]["outcome"], failed["attempt"]["http_status"])
    nobody = (await cli("subscribers", "test", "shop", "--wait", "0.1", code=1)).stdout
    assert "is a worker running?" in nobody
    assert "pending" == (await cli.json("subscribers", "test", "shop", "--wait", "0"))["state"]


async def test_invalid_arguments_get_one_sentence(cli: Cli) -> None:
    for arguments, says in (
        (("shop", "ftp://x/"), "url: only https:// and http:// URLs can be called"),
        (("a b", URL), "name: A name has"),
        (("x" * 101, URL), "name: "),
        (("shop", URL, "--events", ""), "event_types: Name at least one type"),
        (("shop", URL, "--events", "x"), "event_types: An event type is one of"),
        (("shop", URL, "--secret", "hunter2"), "secret: a signing secret is"),
    ):
        result = await cli("subscribers", "add", *arguments, code=1)
        assert result.stderr.startswith(says), result.stderr
        assert ("", False) == (result.stdout, "hunter2" in result.output)
    for argument in (
        ("orders", "show"),
        ("subscribers", "show"),
        ("notices", "list", "--order-no"),
        ("outbound", "list", "--subscriber"),
    ):
        assert "is no text" in (await cli(*argument, "\udcff", code=2)).stderr
    assert (
        "overlap_hours: "
        in (await cli("subscribers", "rotate-secret", "shop", "--overlap", "8d", code=1)).stderr
    )
    await cli("subscribers", "rotate-secret", "shop", "--overlap", "soon", code=2)
    await cli("notices", "show", "no-uuid", code=2)


async def test_control_characters_of_a_call_are_escaped(cli: Cli, setup: OperationsSetup) -> None:
    notice_id = await setup.raw_call(b"order_no=1%1B[2J&status=04&sendid=a%0Ab")
    await setup.judge()
    for arguments in (
        ("notices", "list"),
        ("notices", "show", str(notice_id)),
        ("orders", "show", "1\x1b[2J"),
    ):
        output = (await cli(*arguments)).stdout
        assert "\x1b" not in output
        assert r"1\x1b[2J" in output


async def test_removing_a_declared_subscriber_warns(cli: Cli, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.run("UPDATE subscribers SET declared = true")
    assert (
        "RELAY_SUBSCRIBERS declares this subscriber"
        in (await cli("subscribers", "remove", "shop")).stderr
    )


async def test_json_output_contains_no_warnings(cli: Cli, setup: OperationsSetup) -> None:
    result = await cli("subscribers", "add", "shop", URL, "--json")
    assert "shop" == json.loads(result.stdout)["name"]
    assert "" == result.stderr
