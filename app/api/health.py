"""Health and metrics of the private listener, without a token: for load balancers and Prometheus."""

import asyncio

from fastapi import APIRouter, Response
from prometheus_client import CONTENT_TYPE_LATEST
from sqlalchemy import text

from app.api.parts import WithParts
from app.db.connections import describe_error
from app.db.engine import Sessions
from app.logs import get_logger
from app.metrics import exposition

READY_SECONDS = 2.0

router = APIRouter(include_in_schema=False)
log = get_logger("api")


@router.get("/healthz")
async def healthz() -> Response:
    """Whether the process is alive."""
    return Response("alive\n", media_type="text/plain")


@router.get("/readyz")
async def readyz(parts: WithParts) -> Response:
    """Whether the database answers."""
    ready = await _answers(parts.sessions)
    return Response("ready\n" if ready else "the database does not answer\n", 200 if ready else 503, media_type="text/plain")


@router.get("/metrics")
async def metrics() -> Response:
    """This process's metrics for Prometheus."""
    return Response(exposition(), media_type=CONTENT_TYPE_LATEST)


async def _answers(sessions: Sessions) -> bool:
    try:
        async with asyncio.timeout(READY_SECONDS), sessions() as session:
            await session.execute(text("SELECT 1"))
    except Exception as error:
        log.warning("not_ready", error=describe_error(error))
        return False
    return True
