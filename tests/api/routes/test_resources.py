"""Resources over HTTP: reads and actions of operators."""

from datetime import UTC, datetime, timedelta, timezone
from typing import Any
from urllib.parse import quote

from tests.api.api_client import Api
from tests.operations.operations_setup import ORDER_NO, PERSONAL, OperationsSetup
from tests.subscriber import subscriber

SECRET = "whsec_" + "A" * 32


def _moment(text: str) -> datetime:
    """Return the moment as answers write it: UTC, microseconds, `Z`."""
    return datetime.strptime(text, "%Y-%m-%dT%H:%M:%S.%fZ").replace(tzinfo=UTC)


async def test_a_subscribers_url_is_kept_and_shown_as_written(api: Api) -> None:
    signed = "https://Shop.example:443/t/%2Fa/../b//c?sp=%2Ftriggers&sig=a%2Bb%2fc%3D&x=1|2&店?"
    assert (
        signed == (await api.post("/subscribers", json={"name": "shop", "url": signed})).json["url"]
    )
    assert signed == (await api.get("/subscribers/shop")).json["url"]
    assert (
        f"{signed}%20"
        == (await api("PATCH", "/v1/subscribers/shop", json={"url": f"{signed}%20"})).json["url"]
    )
    assert (
        422
        == (
            await api(
                "PATCH", "/v1/subscribers/shop", json={"url": f"{signed}\N{IDEOGRAPHIC SPACE}"}
            )
        ).status
    )


async def test_the_lifecycle_of_a_subscriber(api: Api) -> None:
    new = {
        "name": "本店",
        "url": "https://shop.example/hooks",
        "event_types": ["payment.received"],
        "customer": True,
    }
    added = await api.post("/subscribers", json=new)
    assert (201, "/v1/subscribers/%E6%9C%AC%E5%BA%97") == (added.status, added.headers["location"])
    assert added.json["secret"].startswith("whsec_")
    assert new == {name: added.json[name] for name in new}
    _moment(added.json["created_at"])
    path = added.headers["location"].removeprefix("/v1")
    assert "secret" not in (await api.get(path)).json
    assert [{key: value for key, value in added.json.items() if key != "secret"}] == (
        await api.get("/subscribers")
    ).json["items"]
    changed = await api(
        "PATCH", f"/v1{path}", json={"url": "https://new.example/", "event_types": None}
    )
    assert ("https://new.example/", None, True) == (
        changed.json["url"],
        changed.json["event_types"],
        changed.json["customer"],
    )
    paused = await api.post(f"{path}/pause", json={"reason": "棚卸し"})
    assert ("paused", "棚卸し") == (paused.json["state"], paused.json["pause_reason"])
    assert "operator" == (await api.post(f"{path}/pause")).json["pause_reason"]
    assert ("active", None) == (
        (resumed := await api.post(f"{path}/resume")).json["state"],
        resumed.json["pause_reason"],
    )
    rotated = await api.post(f"{path}/rotate-secret", json={"overlap_hours": 1, "secret": SECRET})
    assert SECRET == rotated.json["secret"]
    assert [True, False] == [
        secret["expires_at"] is None for secret in (await api.get(path)).json["secrets"]
    ]
    assert (204, "") == ((removed := await api("DELETE", f"/v1{path}")).status, removed.text)
    assert 404 == (await api.get(path)).status
    assert [] == (await api.get("/subscribers")).json["items"]


async def test_a_test_webhook_over_http(api: Api, setup: OperationsSetup) -> None:
    async with subscriber(SECRET) as merchant:
        assert (
            201
            == (
                await api.post(
                    "/subscribers", json={"name": "shop", "url": merchant.url, "secret": SECRET}
                )
            ).status
        )
        async with setup.forwarder():
            result = await api.post("/subscribers/shop/test", json={"wait_seconds": 10})
    assert ("delivered", 200) == (result.json["state"], result.json["attempt"]["http_status"])
    assert [result.json["event_id"]] == [webhook_id for webhook_id, _ in merchant.received]


async def test_an_order_is_found_as_it_is_typed(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", order_no="1234-56789-01234", money="5400")
    typed = quote("１２３４ー５６７８９－０１２３４　")
    today = quote(datetime.now(timezone(timedelta(hours=9))).strftime("%Y年%m月%d日"))
    assert "1234-56789-01234" == (await api.get(f"/orders/{typed}")).json["order_no"]
    for asked in (
        f"order_no={typed}",
        f"money={quote('￥5,400')}",
        f"telno_tail={quote('５６７８')}",
        f"date={today}",
    ):
        assert 1 == len((await api.get(f"/orders?{asked}")).json["items"]), asked


async def test_an_order_over_http(api: Api, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04", "04")
    answer = await api.get(f"/orders/{ORDER_NO}")
    assert ("paid", "入金済", 5400) == tuple(
        answer.json["order"][name] for name in ("state", "status_name", "money")
    )
    assert {"code": "D001", "name": "セブン-イレブン"} == answer.json["order"]["store"]
    assert (3, 2, 2) == (
        len(answer.json["notices"]),
        len(answer.json["events"]),
        len(answer.json["outbound_webhooks"]),
    )
    assert [] == [secret for secret in PERSONAL if secret in answer.text]
    assert list(PERSONAL) == list(
        (await api.get(f"/orders/{ORDER_NO}?personal=true")).json["customer"].values()
    )


async def test_notices_over_http(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01", "99")
    await setup.call("04", clientip="2012999999")
    await setup.judge("2012000001")
    (wrong_contract, unknown_status) = (await api.get("/notices?verdict=quarantined")).json["items"]
    assert (["unknown_ip_code"], ["unknown_status"]) == (
        wrong_contract["reasons"],
        unknown_status["reasons"],
    )
    released = await api.post(f"/notices/{wrong_contract['id']}/release")
    assert (200, True, None) == (
        released.status,
        released.json["released"],
        released.json["verdict"],
    )
    assert [wrong_contract["id"]] == [
        notice["id"] for notice in (await api.get("/notices?verdict=unjudged")).json["items"]
    ]
    await setup.judge("2012000001")
    shown = await api.get(f"/notices/{wrong_contract['id']}")
    assert ("accepted", "***", 2) == (
        shown.json["verdict"],
        shown.json["parameters"]["telno"],
        len(shown.json["event_ids"]),
    )
    assert [] == [secret for secret in PERSONAL if secret in shown.text]


async def test_a_list_over_http_is_read_page_by_page(api: Api, setup: OperationsSetup) -> None:
    ids = [str(notice_id) for notice_id in await setup.call(*["01"] * 5)]
    seen: list[str] = []
    path = "/notices?limit=2"
    while True:
        page = (await api.get(path)).json
        seen += [notice["id"] for notice in page["items"]]
        if not page["has_more"]:
            break
        path = f"/notices?limit=2&cursor={page['next_cursor']}"
    assert ids[::-1] == seen


async def test_events_over_http_are_a_feed(api: Api, setup: OperationsSetup) -> None:
    await setup.judged("01")
    first = (await api.get("/events")).json
    await setup.judged("04", "05")
    later = (await api.get(f"/events?cursor={first['next_cursor']}")).json
    assert [2, 3, 4] == [event["sequence"] for event in later["items"]]
    (event,) = (await api.get("/events?limit=1")).json["items"]
    assert event == (await api.get(f"/events/{event['id']}")).json
    assert event["data"]["received_at"].endswith("Z")
    assert _moment(event["timestamp"])
    assert [] == (await api.get("/events?order_no=other")).json["items"]
    assert (
        "taro@example.com"
        == (await api.get(f"/events/{event['id']}?personal=true")).json["customer"]["email"]
    )


async def test_outbound_webhooks_over_http(api: Api, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04")
    await setup.run("UPDATE outbound_webhooks SET state = 'dead', attempts = 10")
    await setup.run("UPDATE outbound_webhooks SET state = 'delivered' WHERE sequence = 1")
    (dead,) = (await api.get("/outbound-webhooks?state=pending&state=dead&subscriber=shop")).json[
        "items"
    ]
    assert ("dead", "payment.received", None) == (dead["state"], dead["event_type"], dead["due_at"])
    retried = (await api.post(f"/outbound-webhooks/{dead['id']}/retry")).json
    assert ("pending", 0, []) == (retried["state"], retried["attempts"], retried["history"])
    assert retried == (await api.get(f"/outbound-webhooks/{dead['id']}")).json

    async def recovered(**values: Any) -> dict[str, Any]:
        answer = await api.post(
            "/outbound-webhooks/recover",
            json={"subscriber": "shop", "since": "2026-01-01T00:00:00+09:00", **values},
        )
        return {name: value for name, value in answer.json.items() if name != "id"}

    assert {"subscriber": "shop", "webhooks": 1, "dry_run": True} == await recovered(dry_run=True)
    assert {"subscriber": "shop", "webhooks": 2, "dry_run": False} == await recovered(
        everything=True
    )
    await setup.work_off()
    [job] = (await api.get("/recoveries")).json["items"]
    assert ("done", 2, 2) == (job["state"], job["done"], job["total"])
    assert job == (await api.get(f"/recoveries/{job['id']}")).json
    assert 2 == len((await api.get("/outbound-webhooks?state=pending")).json["items"])
