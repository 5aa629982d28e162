"""Merchant's system of the container tests: verify webhooks on port 9000, show them."""

import os

from aiohttp import web

from tests.subscriber import Subscriber

PORT = 9000


def application(secret: str) -> web.Application:
    """POST /hooks takes webhooks; GET /received returns JSON: `received` and `unverified`."""
    shop = Subscriber(secret)

    async def received(_: web.Request) -> web.Response:
        return web.json_response({"received": shop.received, "unverified": shop.unverified})

    app = web.Application()
    app.router.add_post("/hooks", shop.handle)
    app.router.add_get("/received", received)
    return app


if __name__ == "__main__":
    web.run_app(application(os.environ["SHOP_SECRET"]), port=PORT, access_log=None)
