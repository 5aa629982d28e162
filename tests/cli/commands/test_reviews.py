"""`zeus-relay reviews`, corrected releases and unwanted orders."""

from tests.cli.conftest import Cli
from tests.operations.operations_setup import ORDER_NO, OperationsSetup


async def differing(setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    await setup.judged("05", money="4500")


async def test_a_review_is_listed_noted_and_settled(cli: Cli, setup: OperationsSetup) -> None:
    assert "No reviews found.\n" == (await cli("reviews", "list")).stdout
    await differing(setup)
    [review] = (await cli.json("reviews", "list", "--open", "--reason", "values_differ"))["items"]
    listed = (await cli("reviews", "list", "--order-no", ORDER_NO)).stdout
    assert ("money 5400/4500" in listed, review["id"] in listed) == (True, True)
    assert [] == (await cli.json("reviews", "list", "--settled"))["items"]
    shown = (await cli("orders", "show", ORDER_NO)).stdout
    assert ("held" in shown, f"values_differ {review['id']}" in shown) == (True, True)
    noted = await cli.json("reviews", "note", review["id"], "asked Zeus")
    assert ["asked Zeus"] == [note["text"] for note in noted["notes"]]
    settled = await cli("reviews", "settle", review["id"], "release", "--note", "4,500 is right")
    assert "4,500 is right" in settled.stdout
    again = await cli("reviews", "settle", review["id"], "dismiss", code=1)
    assert "The review is settled already (release).\n" == again.stderr
    shown = (await cli("reviews", "show", review["id"])).stdout
    for words in ("values_differ", "release by", "5400", "4500", "asked Zeus"):
        assert words in shown
    assert "released" == (await cli.json("orders", "show", ORDER_NO))["release"]["state"]


async def test_wrong_arguments_end_with_a_sentence(cli: Cli, setup: OperationsSetup) -> None:
    await differing(setup)
    [review] = (await cli.json("reviews", "list"))["items"]
    for arguments in (
        ("reviews", "show", "01a21aad-1a4d-74fc-b6ed-2474f48b0d6c"),
        ("reviews", "settle", review["id"], "maybe"),
        ("reviews", "settle", review["id"], "hold", "--note", ""),
        ("reviews", "note", review["id"], ""),
        ("reviews", "list", "--reason", "other"),
        ("orders", "unwanted"),
        ("orders", "unwanted", ORDER_NO, "--sendid", "A-1001"),
        ("orders", "unwanted", ORDER_NO, "--undo"),
        ("orders", "unwanted", "--sendid", "A-1001", "--undo"),
        ("notices", "release", review["notice_id"], "--set", "status"),
        ("notices", "release", review["notice_id"], "--set", "other=1"),
    ):
        await cli.refused(*arguments)


async def test_a_call_is_released_with_corrected_values(cli: Cli, setup: OperationsSetup) -> None:
    [notice_id] = await setup.judged("4")
    assert "reasons unknown_status " in (await cli("reviews", "list")).stdout
    refused = await cli("notices", "release", str(notice_id), code=1)
    assert "unknown_status" in refused.stderr
    await cli("notices", "release", str(notice_id), "--set", "status=04", "--set", "sendid=a=b")
    await setup.judge()
    shown = (await cli("notices", "show", str(notice_id))).stdout
    assert "Corrected by an operator" in shown
    order = (await cli.json("orders", "show", ORDER_NO))["order"]
    assert ("paid", "a=b") == (order["state"], order["sendid"])


async def test_a_purchase_is_marked_as_unwanted(cli: Cli, setup: OperationsSetup) -> None:
    marked = await cli("orders", "unwanted", ORDER_NO)
    assert f"order_no {ORDER_NO} is unwanted; Zeus's slip can still be paid\n" == marked.stdout
    assert "A-7" == (await cli.json("orders", "unwanted", "--sendid", "A-7"))["value"]
    await setup.judged("01", "04")
    await setup.judged("01", "04", order_no="o7", sendid="A-7")
    reviews = (await cli.json("reviews", "list", "--reason", "unwanted_payment"))["items"]
    assert ["o7", ORDER_NO] == [review["order_no"] for review in reviews]
    for which in ((ORDER_NO,), ("--sendid", "A-7")):
        undone = await cli("orders", "unwanted", *which, "--undo")
        assert "removed; open reviews stay open\n" == undone.stdout
    assert not (await cli.json("orders", "show", ORDER_NO))["unwanted"]
