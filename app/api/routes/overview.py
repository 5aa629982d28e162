"""/v1/overview and /v1/attention: how things stand, and what needs a human."""

from fastapi import APIRouter

from app.api.dependencies import WithDependencies
from app.operations.monitoring.overview import Overview
from app.operations.reviews.attention import Attention, read_attention

router = APIRouter(tags=["overview"])


@router.get("/overview")
async def show_overview(dependencies: WithDependencies) -> Overview:
    """Calls by the hour, slow answers, what waits, and who does not get it. It may be three seconds old."""
    return await dependencies.overviews.read()


@router.get("/attention")
async def show_attention(dependencies: WithDependencies) -> Attention:
    """What needs a human: the latest 50 of each kind that nobody has dismissed."""
    return await read_attention(dependencies.sessions)
