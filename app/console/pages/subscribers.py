"""Subscriber pages: list, new subscriber, test, pause, secrets and recovery."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from uuid import UUID

from pydantic import ValidationError
from starlette.responses import Response

from app.clock import now
from app.console.http.page_request import PageRequest
from app.console.pages.subscriber_form import SHOWN_AT, new_subscriber, problems_of
from app.console.texts.error_texts import words_of
from app.console.texts.flash import Flash
from app.console.texts.i18n import JAPAN
from app.console.texts.labels import _
from app.events.types import SUBSCRIBABLE, EventType
from app.forwarding.recovery_jobs import JobState
from app.operations.access.permissions import ROLE_OF, Action
from app.operations.errors import NameTaken, NotAcceptable, OperationError, RecoveryNotFound
from app.operations.pagination import Place
from app.operations.subscribers import pause as pauses
from app.operations.subscribers import recovery as recoveries
from app.operations.subscribers import subscribers as operations
from app.operations.subscribers.recovery import RecoveryJob, RecoveryRequest
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.test_webhook import send_test

_PAGE_SIZE = 25
_TEST_SECONDS = 8.0
_MINUTES = "%Y-%m-%dT%H:%M"
_NO_PROBLEMS: Mapping[str, str] = {}
_TYPES = [type_ for type_ in EventType if type_ in SUBSCRIBABLE]


async def show_all(page_request: PageRequest) -> Response:
    """Show every subscriber."""
    subscribers = await operations.list_subscribers(page_request.dependencies.sessions)
    health = {
        subscriber.name: subscriber
        for subscriber in (await page_request.dependencies.overviews.read()).subscribers
    }
    return page_request.page(
        "subscribers.html",
        subscribers=subscribers.items,
        health=health,
        may_manage=page_request.may(ROLE_OF[Action.SUBSCRIBER_CHANGED]),
    )


async def ask_for_new(page_request: PageRequest) -> Response:
    """Show the form for a new subscriber."""
    return _new_form(page_request)


async def add(page_request: PageRequest) -> Response:
    """Add a subscriber and show its secret once."""
    dependencies = page_request.dependencies
    try:
        added = await operations.add_subscriber(
            dependencies.sessions,
            dependencies.vault,
            new_subscriber(page_request.form),
            dependencies.rules,
            page_request.actor,
        )
    except NotAcceptable as error:
        return _new_form(page_request, problems_of(error), str(error))
    except (ValidationError, NameTaken) as error:
        return _new_form(page_request, problems_of(error))
    return page_request.page("secret.html", subscriber=added, rotated=False)


async def show(page_request: PageRequest) -> Response:
    """Show a subscriber and its webhooks."""
    return await _show(page_request)


async def show_progress(page_request: PageRequest) -> Response:
    """Show a recovery's progress: a part of the page that the browser polls every two seconds."""
    subscriber = await operations.show_subscriber(
        page_request.dependencies.sessions, _name(page_request)
    )
    try:
        job = await recoveries.show_recovery(
            page_request.dependencies.sessions, UUID(page_request.text("of"))
        )
    except ValueError:
        raise RecoveryNotFound from None
    recovery = {"id": job.id, "webhooks": job.total, "dry_run": False}
    return page_request.page(
        "progress.html", subscriber=subscriber, recovery=recovery, to_come=_to_come(job)
    )


async def test(page_request: PageRequest) -> Response:
    """Send a test webhook and show the result."""
    try:
        result = await send_test(
            page_request.dependencies.sessions,
            _name(page_request),
            page_request.actor,
            _TEST_SECONDS,
        )
    except OperationError as error:
        return await _show(page_request, problem=words_of(error))
    return (
        page_request.page("test_result.html", result=result)
        if page_request.in_part
        else await _show(page_request, result=result)
    )


async def pause(page_request: PageRequest) -> Response:
    """Pause a subscriber."""
    reason = page_request.form.text("reason")[:200] or None
    await pauses.pause_subscriber(
        page_request.dependencies.sessions, _name(page_request), reason, page_request.actor
    )
    return page_request.go(_path(page_request), Flash.PAUSED)


async def resume(page_request: PageRequest) -> Response:
    """Resume a paused subscriber."""
    await pauses.resume_subscriber(
        page_request.dependencies.sessions, _name(page_request), page_request.actor
    )
    return page_request.go(_path(page_request), Flash.RESUMED)


async def rotate(page_request: PageRequest) -> Response:
    """Rotate the secret and show the new one once."""
    dependencies = page_request.dependencies
    try:
        current = await operations.show_subscriber(dependencies.sessions, _name(page_request))
        newest = current.secrets[:1]
        asymmetric = any(secret.public_key for secret in newest)
        rotation = Rotation.model_validate(
            {
                "overlap_hours": page_request.form.text("overlap_hours") or 0,
                "asymmetric": asymmetric,
            }
        )
        rotated = await rotate_secret(
            dependencies.sessions,
            dependencies.vault,
            _name(page_request),
            rotation,
            page_request.actor,
        )
    except ValidationError:
        return await _show(page_request, problem=_("This value is invalid."))
    except OperationError as error:
        return await _show(page_request, problem=words_of(error))
    return page_request.page("secret.html", subscriber=rotated, rotated=True)


async def recover(page_request: PageRequest) -> Response:
    """Count the webhooks that a recovery would resend, or start it."""
    form = page_request.form
    since, until = _moment(form.text("since")), _moment(form.text("until"))
    chosen: dict[str, Any] = {
        "since": form.text("since")[:20],
        "until": form.text("until")[:20],
        "everything": form.ticked("everything"),
    }
    if since is None or (form.text("until") and until is None):
        return await _show(page_request, problem=_("Enter the start as a date and time."), **chosen)
    request = RecoveryRequest(
        subscriber=_name(page_request),
        since=since,
        until=until,
        everything=form.ticked("everything"),
        dry_run=form.text("dry_run") != "no",
    )
    recovery = await recoveries.recover(
        page_request.dependencies.sessions, request, page_request.actor
    )
    return await _show(page_request, recovery=recovery, **chosen)


def _new_form(
    page_request: PageRequest, problems: Mapping[str, str] = _NO_PROBLEMS, detail: str | None = None
) -> Response:
    """Show the form with a message at each invalid field.

    Messages of other fields, and `detail` in English, appear above the form.
    """
    translated = {field: page_request.translated(words) for field, words in problems.items()}
    above = [words for field, words in translated.items() if field not in SHOWN_AT] or [
        page_request.translated(_("Correct the marked fields."))
    ]
    return page_request.page(
        "add_subscriber.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        form=page_request.form,
        event_types=_TYPES,
        problem=" ".join(filter(None, [above[0], f"({detail})" if detail else None]))
        if problems
        else None,
        problems=translated,
    )


async def _show(
    page_request: PageRequest, *, problem: str | None = None, **values: Any
) -> Response:
    place = Place(page_request.text("cursor") or None, _PAGE_SIZE)
    subscriber, deliveries = await operations.show_subscriber_with_webhooks(
        page_request.dependencies.sessions, _name(page_request), place
    )
    yesterday = (now() - timedelta(days=1)).astimezone(JAPAN).strftime(_MINUTES)
    common = {
        "since": yesterday,
        "until": "",
        "everything": False,
        "result": None,
        "recovery": None,
    }
    return page_request.page(
        "subscriber.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        subscriber=subscriber,
        deliveries=deliveries,
        problem=page_request.translated(problem) if problem else None,
        may_act=page_request.may(ROLE_OF[Action.SUBSCRIBER_PAUSED]),
        may_manage=page_request.may(ROLE_OF[Action.SUBSCRIBER_CHANGED]),
        **{**common, **values},
    )


def _name(page_request: PageRequest) -> str:
    return page_request.named("name")


def _path(page_request: PageRequest) -> str:
    return f"/subscribers/{_name(page_request)}"


def _moment(text: str) -> datetime | None:
    """Return the time in Japan of a `datetime-local` field; None if it is invalid."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=JAPAN)
    except ValueError:
        return None


def _to_come(job: RecoveryJob) -> int:
    """Return the number of a recovery's webhooks that are not enqueued yet."""
    return max(job.total - job.done, 0) if job.state is JobState.RUNNING else 0
