"""The subscribers: adding one, testing, pausing, resuming and rotating, and sending again what one missed."""

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

_DELIVERIES = 25
_TEST_SECONDS = 8.0
_MINUTES = "%Y-%m-%dT%H:%M"
_NO_PROBLEMS: Mapping[str, str] = {}
_TYPES = [type_ for type_ in EventType if type_ in SUBSCRIBABLE]


async def show_all(visit: PageRequest) -> Response:
    """Every subscriber."""
    subscribers = await operations.list_subscribers(visit.dependencies.sessions)
    health = {
        subscriber.name: subscriber
        for subscriber in (await visit.dependencies.overviews.read()).subscribers
    }
    return visit.page(
        "subscribers.html",
        subscribers=subscribers.items,
        health=health,
        may_manage=visit.may(ROLE_OF[Action.SUBSCRIBER_CHANGED]),
    )


async def ask_for_new(visit: PageRequest) -> Response:
    """The form for a new subscriber."""
    return _new_form(visit)


async def add(visit: PageRequest) -> Response:
    """Add a subscriber and show its secret this once."""
    parts = visit.dependencies
    try:
        added = await operations.add_subscriber(
            parts.sessions, parts.vault, new_subscriber(visit.form), parts.rules, visit.actor
        )
    except NotAcceptable as refused:
        return _new_form(visit, problems_of(refused), str(refused))
    except (ValidationError, NameTaken) as refused:
        return _new_form(visit, problems_of(refused))
    return visit.page("secret.html", subscriber=added, rotated=False)


async def show(visit: PageRequest) -> Response:
    """One subscriber with its deliveries."""
    return await _show(visit)


async def show_progress(visit: PageRequest) -> Response:
    """How far sending again has come: a part of the page, asked for every two seconds."""
    subscriber = await operations.show_subscriber(visit.dependencies.sessions, _name(visit))
    try:
        job = await recoveries.show_recovery(visit.dependencies.sessions, UUID(visit.text("of")))
    except ValueError:
        raise RecoveryNotFound from None
    recovery = {"id": job.id, "webhooks": job.total, "dry_run": False}
    return visit.page(
        "progress.html", subscriber=subscriber, recovery=recovery, to_come=_to_come(job)
    )


async def test(visit: PageRequest) -> Response:
    """Send a test and tell what came of it."""
    try:
        trial = await send_test(
            visit.dependencies.sessions, _name(visit), visit.actor, _TEST_SECONDS
        )
    except OperationError as refused:
        return await _show(visit, problem=words_of(refused))
    return (
        visit.page("trial.html", trial=trial) if visit.in_part else await _show(visit, trial=trial)
    )


async def pause(visit: PageRequest) -> Response:
    """Hold what is owed to a subscriber."""
    reason = visit.form.text("reason")[:200] or None
    await pauses.pause_subscriber(visit.dependencies.sessions, _name(visit), reason, visit.actor)
    return visit.go(_path(visit), Flash.PAUSED)


async def resume(visit: PageRequest) -> Response:
    """Send again, beginning with what was held."""
    await pauses.resume_subscriber(visit.dependencies.sessions, _name(visit), visit.actor)
    return visit.go(_path(visit), Flash.RESUMED)


async def rotate(visit: PageRequest) -> Response:
    """Make a new secret and show it this once."""
    parts = visit.dependencies
    try:
        current = await operations.show_subscriber(parts.sessions, _name(visit))
        asymmetric = any(
            secret.public_key for secret in current.secrets[:1]
        )  # the latest comes first
        rotation = Rotation.model_validate(
            {"overlap_hours": visit.form.text("overlap_hours") or 0, "asymmetric": asymmetric}
        )
        rotated = await rotate_secret(
            parts.sessions, parts.vault, _name(visit), rotation, visit.actor
        )
    except ValidationError:
        return await _show(visit, problem=_("This cannot be used."))
    except OperationError as refused:
        return await _show(visit, problem=words_of(refused))
    return visit.page("secret.html", subscriber=rotated, rotated=True)


async def recover(visit: PageRequest) -> Response:
    """Count what would be sent again, or send it."""
    form = visit.form
    since, until = _moment(form.text("since")), _moment(form.text("until"))
    chosen: dict[str, Any] = {
        "since": form.text("since")[:20],
        "until": form.text("until")[:20],
        "everything": form.ticked("everything"),
    }
    if since is None or (form.text("until") and until is None):
        return await _show(visit, problem=_("Say from when, as a date with a time."), **chosen)
    request = RecoveryRequest(
        subscriber=_name(visit),
        since=since,
        until=until,
        everything=form.ticked("everything"),
        dry_run=form.text("dry_run") != "no",
    )
    recovery = await recoveries.recover(visit.dependencies.sessions, request, visit.actor)
    return await _show(visit, recovery=recovery, **chosen)


def _new_form(
    visit: PageRequest, problems: Mapping[str, str] = _NO_PROBLEMS, detail: str | None = None
) -> Response:
    """The form with what is wrong at each field; what belongs to no field that is shown, and `detail` in English, stands above."""
    translated = {field: visit.translated(words) for field, words in problems.items()}
    above = [words for field, words in translated.items() if field not in SHOWN_AT] or [
        visit.translated(_("See what is marked below."))
    ]
    return visit.page(
        "add_subscriber.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problems else HTTPStatus.OK,
        form=visit.form,
        event_types=_TYPES,
        problem=" ".join(filter(None, [above[0], f"({detail})" if detail else None]))
        if problems
        else None,
        problems=translated,
    )


async def _show(visit: PageRequest, *, problem: str | None = None, **values: Any) -> Response:
    place = Place(visit.text("cursor") or None, _DELIVERIES)
    subscriber, deliveries = await operations.show_subscriber_with_webhooks(
        visit.dependencies.sessions, _name(visit), place
    )
    yesterday = (now() - timedelta(days=1)).astimezone(JAPAN).strftime(_MINUTES)
    common = {"since": yesterday, "until": "", "everything": False, "trial": None, "recovery": None}
    return visit.page(
        "subscriber.html",
        HTTPStatus.UNPROCESSABLE_ENTITY if problem else HTTPStatus.OK,
        subscriber=subscriber,
        deliveries=deliveries,
        problem=visit.translated(problem) if problem else None,
        may_act=visit.may(ROLE_OF[Action.SUBSCRIBER_PAUSED]),
        may_manage=visit.may(ROLE_OF[Action.SUBSCRIBER_CHANGED]),
        **{**common, **values},
    )


def _name(visit: PageRequest) -> str:
    return visit.named("name")


def _path(visit: PageRequest) -> str:
    return f"/subscribers/{_name(visit)}"


def _moment(text: str) -> datetime | None:
    """A moment in Japan from what a browser sends for a date with a time; None if it is none."""
    try:
        return datetime.fromisoformat(text).replace(tzinfo=JAPAN)
    except ValueError:
        return None


def _to_come(job: RecoveryJob) -> int:
    """How many webhooks of a recovery are not due yet."""
    return max(job.total - job.done, 0) if job.state is JobState.RUNNING else 0
