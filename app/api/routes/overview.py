"""Routes of the current state, /v1/overview, and of open reviews, /v1/attention."""

from fastapi import APIRouter

from app.api.dependencies import WithDependencies
from app.operations.attention.attention import Attention, read_attention
from app.operations.monitoring.overview import Overview

router = APIRouter(tags=["overview"])


@router.get("/overview")
async def show_overview(dependencies: WithDependencies) -> Overview:
    """Show calls per hour, slow answers, backlogs and failing subscribers (at most 3 s old)."""
    return await dependencies.overviews.read()


@router.get("/attention")
async def show_attention(dependencies: WithDependencies) -> Attention:
    """Show items that need review: the newest 50 of each kind that nobody has dismissed."""
    return await read_attention(dependencies.sessions)
