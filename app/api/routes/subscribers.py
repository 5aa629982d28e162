"""Routes of subscribers, /v1/subscribers: the systems that get webhooks."""

from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

from fastapi import APIRouter, Path, Response
from pydantic import BaseModel, ConfigDict, Field

from app.api.dependencies import WithActor, WithDependencies, WithOnce
from app.api.problems import documented
from app.operations.models import Line
from app.operations.subscribers import pause as pauses
from app.operations.subscribers import subscribers as operations
from app.operations.subscribers.models import (
    NewSubscriber,
    Subscriber,
    SubscriberChange,
    SubscriberInFull,
    SubscriberList,
    SubscriberWithSecret,
)
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.test_webhook import Trial, TrialRequest, send_test

router = APIRouter(prefix="/subscribers", tags=["subscribers"])

Name = Annotated[
    Line, Path(max_length=100, description="The subscriber's name.", examples=["shop"])
]
_MISSING = documented(HTTPStatus.NOT_FOUND)
_MISSING_OR_CONFLICT = documented(HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT)


class PauseRequest(BaseModel):
    """Reason for pausing a subscriber."""

    model_config = ConfigDict(extra="forbid")

    reason: Annotated[Line | None, Field(max_length=200, examples=["maintenance until noon"])] = (
        None
    )


@router.get("")
async def list_subscribers(dependencies: WithDependencies) -> SubscriberList:
    """List all subscribers by name."""
    return await operations.list_subscribers(dependencies.sessions)


@router.post("", status_code=HTTPStatus.CREATED, responses=documented(HTTPStatus.CONFLICT))
async def add_subscriber(
    dependencies: WithDependencies,
    actor: WithActor,
    once: WithOnce,
    new: NewSubscriber,
    response: Response,
) -> SubscriberWithSecret:
    """Add a subscriber. It gets all later events. Only this answer shows the signing secret."""
    subscriber = await operations.add_subscriber(
        dependencies.sessions, dependencies.vault, new, dependencies.rules, actor, once
    )
    response.headers["Location"] = f"/v1/subscribers/{quote(subscriber.name)}"
    return subscriber


@router.get("/{name}", responses=_MISSING)
async def show_subscriber(dependencies: WithDependencies, name: Name) -> SubscriberInFull:
    """Show one subscriber with its pending webhooks."""
    return await operations.show_subscriber(dependencies.sessions, name)


@router.patch("/{name}", responses=_MISSING)
async def change_subscriber(
    dependencies: WithDependencies, actor: WithActor, name: Name, change: SubscriberChange
) -> Subscriber:
    """Change a subscriber. Pending webhooks go to the new URL."""
    return await operations.change_subscriber(
        dependencies.sessions, dependencies.vault, name, change, dependencies.rules, actor
    )


@router.delete("/{name}", status_code=HTTPStatus.NO_CONTENT, responses=_MISSING)
async def remove_subscriber(
    dependencies: WithDependencies, actor: WithActor, name: Name
) -> Response:
    """Delete a subscriber's URL and secrets and cancel its pending webhooks. Its history stays."""
    await operations.remove_subscriber(dependencies.sessions, name, actor)
    return Response(status_code=HTTPStatus.NO_CONTENT)


@router.post("/{name}/pause", responses=_MISSING)
async def pause_subscriber(
    dependencies: WithDependencies,
    actor: WithActor,
    name: Name,
    request: PauseRequest | None = None,
) -> Subscriber:
    """Hold a subscriber's webhooks until it is resumed."""
    return await pauses.pause_subscriber(
        dependencies.sessions, name, request.reason if request else None, actor
    )


@router.post("/{name}/resume", responses=_MISSING)
async def resume_subscriber(
    dependencies: WithDependencies, actor: WithActor, name: Name
) -> Subscriber:
    """Resume a subscriber. Held webhooks are sent first."""
    return await pauses.resume_subscriber(dependencies.sessions, name, actor)


@router.post("/{name}/rotate-secret", responses=_MISSING_OR_CONFLICT)
async def rotate_subscriber_secret(
    dependencies: WithDependencies, actor: WithActor, name: Name, rotation: Rotation | None = None
) -> SubscriberWithSecret:
    """Give a subscriber a new signing secret. Only this answer shows it.

    During the overlap, webhooks carry signatures of both secrets.
    """
    return await rotate_secret(
        dependencies.sessions, dependencies.vault, name, rotation or Rotation(), actor
    )


@router.post("/{name}/test", responses=_MISSING_OR_CONFLICT)
async def send_test_webhook(
    dependencies: WithDependencies,
    actor: WithActor,
    name: Name,
    request: TrialRequest | None = None,
) -> Trial:
    """Send a `webhook.test` event and wait for its first attempt."""
    return await send_test(
        dependencies.sessions, name, actor, (request or TrialRequest()).wait_seconds
    )
