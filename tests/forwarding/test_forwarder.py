"""Delivery from end to end: a real database, a real forwarder, and subscribers on real sockets."""

from aiohttp import web
from aiohttp.test_utils import TestServer
from standardwebhooks import Webhook

from tests.forwarding.delivery_world import World, until


async def test_an_event_arrives_signed_and_is_recorded(world: World) -> None:
    arrived: list[tuple[bytes, dict[str, str]]] = []

    async def take(request: web.Request) -> web.Response:
        arrived.append((await request.read(), dict(request.headers)))
        return web.Response(text="thank you")

    application = web.Application()
    application.router.add_post("/hooks", take)
    async with TestServer(application) as server:
        _, secret = await world.subscriber(str(server.make_url("/hooks")))
        event = await world.event("1234-56789-01234")
        async with world.forwarder():
            await until(lambda: _is(world, ["delivered"]))
    [(body, headers)] = arrived
    verified = Webhook(secret).verify(body, headers)
    assert verified["data"]["order_no"] == "1234-56789-01234"
    assert "customer" not in verified["data"]
    assert headers["webhook-id"] == str(event)
    [attempt] = await world.rows("SELECT * FROM attempts")
    assert (attempt.number, attempt.outcome, attempt.http_status, attempt.excerpt) == (1, "delivered", 200, "thank you")


async def _is(world: World, states: list[str]) -> bool:
    return await world.states() == states
