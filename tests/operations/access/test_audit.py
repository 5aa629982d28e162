"""Every action leaves exactly one entry, in its own transaction, and none that is refused leaves any."""

import importlib
import inspect
import itertools
import pkgutil
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

import app.operations
from app.operations.access.audit import list_audit
from app.operations.access.permissions import ROLE_OF, Action, Actor, Role
from app.operations.access.tokens import NewToken, create_token, revoke_token
from app.operations.deliveries.webhooks import retry_outbound, show_outbound
from app.operations.errors import NotAllowed, OperationError
from app.operations.maintenance.reseal import reseal
from app.operations.notices.notices import release_notice, show_notice
from app.operations.notices.rejected import release_sample, show_sample
from app.operations.orders.events import list_events, show_event
from app.operations.orders.history import show_order
from app.operations.pagination import Place
from app.operations.reviews.dismissal import (
    Dismissal,
    dismiss_notice,
    dismiss_sample,
    dismiss_webhook,
)
from app.operations.subscribers.declared import apply_declared
from app.operations.subscribers.models import NewSubscriber, SubscriberChange
from app.operations.subscribers.pause import pause_subscriber, resume_subscriber
from app.operations.subscribers.recovery import RecoveryRequest, recover
from app.operations.subscribers.rotation import Rotation, rotate_secret
from app.operations.subscribers.subscribers import (
    add_subscriber,
    change_subscriber,
    remove_subscriber,
)
from app.operations.subscribers.test_webhook import send_test
from app.operations.subscribers.validation import UrlRules
from app.settings import DeclaredSubscriber
from tests.api.api_walk import Names, contents, filled
from tests.operations.operations_setup import (
    ADMIN,
    OPERATOR,
    ORDER_NO,
    PERSONAL,
    RULES,
    SOURCE,
    VIEWER,
    OperationsSetup,
)

Act = Callable[[Actor], Awaitable[Any]]
REASON = Dismissal(reason="a test call")


def _actions(world: OperationsSetup, names: Names) -> dict[str, tuple[Action, Act]]:
    """Everything that operators can do, in an order in which each can be done after the ones before."""
    s, usual = world.sessions, names["*"]
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"}
    )
    new = NewSubscriber(name="new", url="https://new.example/")
    return {
        "release a notice": (
            Action.NOTICE_RELEASED,
            lambda a: release_notice(s, usual["notice_id"], a),
        ),
        "dismiss a notice": (
            Action.NOTICE_DISMISSED,
            lambda a: dismiss_notice(s, names["dismiss_notice"]["notice_id"], REASON, a),
        ),
        "dismiss a sample": (
            Action.SAMPLE_DISMISSED,
            lambda a: dismiss_sample(s, usual["sample_id"], REASON, a),
        ),
        "release a sample": (
            Action.SAMPLE_RELEASED,
            lambda a: release_sample(s, usual["sample_id"], a),
        ),
        "dismiss a webhook": (
            Action.WEBHOOK_DISMISSED,
            lambda a: dismiss_webhook(s, usual["webhook_id"], REASON, a),
        ),
        "retry a webhook": (
            Action.WEBHOOK_RETRIED,
            lambda a: retry_outbound(s, usual["webhook_id"], a),
        ),
        "recover": (Action.WEBHOOKS_RECOVERED, lambda a: recover(s, request, a)),
        "test": (Action.SUBSCRIBER_TESTED, lambda a: send_test(s, "shop", a, wait_seconds=0)),
        "pause": (
            Action.SUBSCRIBER_PAUSED,
            lambda a: pause_subscriber(s, "shop", "stocktaking", a),
        ),
        "resume": (Action.SUBSCRIBER_RESUMED, lambda a: resume_subscriber(s, "shop", a)),
        "add": (Action.SUBSCRIBER_ADDED, lambda a: add_subscriber(s, world.vault, new, RULES, a)),
        "change": (
            Action.SUBSCRIBER_CHANGED,
            lambda a: change_subscriber(
                s, world.vault, "new", SubscriberChange(customer=True), RULES, a
            ),
        ),
        "rotate": (
            Action.SECRET_ROTATED,
            lambda a: rotate_secret(s, world.vault, "new", Rotation(), a),
        ),
        "reseal": (Action.SECRETS_RESEALED, lambda a: reseal(s, world.vault, a)),
        "remove": (Action.SUBSCRIBER_REMOVED, lambda a: remove_subscriber(s, "new", a)),
        "make a token": (
            Action.TOKEN_CREATED,
            lambda a: create_token(s, NewToken(name="x", role=Role.VIEWER), a),
        ),
        "revoke a token": (Action.TOKEN_REVOKED, lambda a: revoke_token(s, "x", a)),
    }


def _looks(world: OperationsSetup, names: Names) -> dict[str, Act]:
    s, usual = world.sessions, names["*"]
    return {
        f"notice:{usual['notice_id']}": lambda a: show_notice(s, usual["notice_id"], shown_to=a),
        f"order:{ORDER_NO}": lambda a: show_order(s, ORDER_NO, shown_to=a),
        f"event:{usual['event_id']}": lambda a: show_event(s, usual["event_id"], shown_to=a),
        "events": lambda a: list_events(s, Place(), shown_to=a),
        f"webhook:{usual['webhook_id']}": lambda a: show_outbound(
            s, usual["webhook_id"], shown_to=a
        ),
        f"sample:{usual['sample_id']}": lambda a: show_sample(s, usual["sample_id"], shown_to=a),
    }


async def _entries(world: OperationsSetup) -> list[Any]:
    rows = await world.rows(
        "SELECT operator, role, via, action, subject FROM audit_entries ORDER BY id"
    )
    await world.run("DELETE FROM audit_entries")
    return [tuple(row) for row in rows]


async def test_every_action_leaves_exactly_one_entry(
    world: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(world)
    await _entries(world)
    for name, (action, act) in _actions(world, names).items():
        with subtests.test(action=name):
            actor = ADMIN if ROLE_OF[action] is Role.ADMIN else OPERATOR
            await act(actor)
            (entry,) = await _entries(world)
            assert (actor.name, actor.role, actor.via, action) == entry[:4]


async def test_a_role_that_may_not_do_it_changes_nothing(
    world: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(world)
    for name, (action, act) in _actions(world, names).items():
        for actor in (VIEWER, OPERATOR):
            if actor.role.includes(ROLE_OF[action]):
                continue
            with subtests.test(action=name, role=actor.role):
                before = await contents(world)
                with pytest.raises(NotAllowed):
                    await act(actor)
                assert before == await contents(world)
        await act(ADMIN)


async def test_every_look_at_personal_values_leaves_one_entry(
    world: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(world)
    await _entries(world)
    for subject, look in _looks(world, names).items():
        with subtests.test(subject=subject):
            await look(OPERATOR)
            assert [("sato", "operator", "api", "personal_data.seen", subject)] == await _entries(
                world
            )
            with pytest.raises(NotAllowed):
                await look(VIEWER)
            assert [] == await _entries(world)


async def test_what_is_refused_leaves_no_entry(world: OperationsSetup) -> None:
    names = await filled(world)
    await remove_subscriber(world.sessions, "shop", ADMIN)
    await _entries(world)
    refused = 0
    for _, act in itertools.islice(
        _actions(world, names).values(), 6, 10
    ):  # those on the subscriber that is gone
        with pytest.raises(OperationError):
            await act(ADMIN)
        refused += 1
    assert (4, []) == (refused, await _entries(world))


async def test_counting_what_would_be_recovered_is_no_action(world: OperationsSetup) -> None:
    await filled(world)
    await _entries(world)
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": "2020-01-01T00:00:00Z", "dry_run": True}
    )
    assert 2 == (await recover(world.sessions, request, OPERATOR)).webhooks
    assert [] == await _entries(world)


async def test_what_the_settings_declare_is_noted_when_it_changes_something(
    world: OperationsSetup,
) -> None:
    declared = [
        DeclaredSubscriber.model_validate(
            {"name": "shop", "url": "https://shop.example/", "secret": "whsec_" + "A" * 32}
        )
    ]
    for _ in range(2):
        await apply_declared(world.sessions, world.vault, declared, UrlRules())
    assert [
        ("zeus-relay", "admin", "service", "subscriber.declared", "subscriber:shop")
    ] == await _entries(world)


async def test_entries_hold_nothing_personal_and_no_secret(world: OperationsSetup) -> None:
    names = await filled(world)
    for _, act in _actions(world, names).values():
        await act(ADMIN)
    for look in list(_looks(world, names).values())[:5]:  # the sample was released
        await look(ADMIN)
    text = str(await world.rows("SELECT * FROM audit_entries"))
    assert [] == [
        secret for secret in (*PERSONAL, SOURCE, "whsec_", "zrt_", "https://") if secret in text
    ]
    assert str(names["*"]["notice_id"]) in text


async def test_the_audit_is_read_by_operator_action_and_subject(world: OperationsSetup) -> None:
    names = await filled(world)
    await retry_outbound(world.sessions, names["*"]["webhook_id"], OPERATOR)
    await pause_subscriber(world.sessions, "shop", None, ADMIN)

    async def actions(**which: Any) -> list[str]:
        return [
            entry.action for entry in (await list_audit(world.sessions, Place(), **which)).items
        ]

    assert ["webhook.retried"] == await actions(operator="sato")
    assert ["subscriber.paused", "subscriber.added"] == await actions(subject="subscriber:shop")
    assert ["subscriber.paused"] == await actions(
        operator="suzuki", action=Action.SUBSCRIBER_PAUSED, subject="subscriber:shop"
    )
    first = await list_audit(world.sessions, Place(limit=1))
    second = await list_audit(world.sessions, Place(first.next_cursor, 1))
    assert (["subscriber.paused"], True, ["webhook.retried"]) == (
        [entry.action for entry in first.items],
        first.has_more,
        [entry.action for entry in second.items],
    )


def test_whoever_acts_must_be_named() -> None:
    modules = [
        importlib.import_module(module.name)
        for module in pkgutil.walk_packages(app.operations.__path__, "app.operations.")
    ]
    functions = {
        function
        for module in modules
        for _, function in inspect.getmembers(module, inspect.isfunction)
    }
    actors = {
        function.__name__: inspect.signature(function).parameters.get("actor")
        for function in functions
    }
    assert {"add_subscriber", "pause_subscriber", "remove_subscriber"} <= {
        name for name, actor in actors.items() if actor
    }
    assert [] == [
        name
        for name, actor in actors.items()
        if actor and actor.default is not inspect.Parameter.empty
    ]
