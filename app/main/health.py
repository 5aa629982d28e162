"""Health and metrics for roles that have no API of their own."""

from collections.abc import Callable

from fastapi import FastAPI, Response

from app.metrics import exposition

METRICS_TYPE = "text/plain; version=0.0.4; charset=utf-8"


def make_health(is_ready: Callable[[], bool]) -> FastAPI:
    """An application with /healthz, /readyz and /metrics; `is_ready` says whether the role can do its work now."""
    app = FastAPI(title="zeus-relay health", openapi_url=None)

    @app.get("/healthz")
    async def healthz() -> Response:
        return Response("alive\n", media_type="text/plain")

    @app.get("/readyz")
    async def readyz() -> Response:
        ready = is_ready()
        return Response("ready\n" if ready else "not ready\n", 200 if ready else 503, media_type="text/plain")

    @app.get("/metrics")
    async def metrics() -> Response:
        return Response(exposition(), media_type=METRICS_TYPE)

    return app
