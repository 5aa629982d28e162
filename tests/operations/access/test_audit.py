"""Audit entries: one per action, in its transaction, and none for a rejected action."""

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
from app.operations.attention.dismissal import (
    Dismissal,
    dismiss_notice,
    dismiss_sample,
    dismiss_webhook,
)
from app.operations.deliveries.webhooks import retry_outbound, show_outbound
from app.operations.errors import NotAllowed, OperationError
from app.operations.maintenance.reseal import reseal
from app.operations.notices.notices import show_notice
from app.operations.notices.rejected import release_sample, show_sample
from app.operations.notices.release import release_notice
from app.operations.orders.events import list_events, show_event
from app.operations.orders.history import show_order
from app.operations.pagination import Place
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


def _actions(setup: OperationsSetup, names: Names) -> dict[str, tuple[Action, Act]]:
    """Return every action of operators, in an order in which each one is possible."""
    s, common = setup.sessions, names["*"]
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"}
    )
    new = NewSubscriber(name="new", url="https://new.example/")
    return {
        "release a notice": (
            Action.NOTICE_RELEASED,
            lambda a: release_notice(s, common["notice_id"], a),
        ),
        "dismiss a notice": (
            Action.NOTICE_DISMISSED,
            lambda a: dismiss_notice(s, names["dismiss_notice"]["notice_id"], REASON, a),
        ),
        "dismiss a sample": (
            Action.SAMPLE_DISMISSED,
            lambda a: dismiss_sample(s, common["sample_id"], REASON, a),
        ),
        "release a sample": (
            Action.SAMPLE_RELEASED,
            lambda a: release_sample(s, common["sample_id"], a),
        ),
        "dismiss a webhook": (
            Action.WEBHOOK_DISMISSED,
            lambda a: dismiss_webhook(s, common["webhook_id"], REASON, a),
        ),
        "retry a webhook": (
            Action.WEBHOOK_RETRIED,
            lambda a: retry_outbound(s, common["webhook_id"], a),
        ),
        "recover": (Action.WEBHOOKS_RECOVERED, lambda a: recover(s, request, a)),
        "test": (Action.SUBSCRIBER_TESTED, lambda a: send_test(s, "shop", a, wait_seconds=0)),
        "pause": (
            Action.SUBSCRIBER_PAUSED,
            lambda a: pause_subscriber(s, "shop", "stocktaking", a),
        ),
        "resume": (Action.SUBSCRIBER_RESUMED, lambda a: resume_subscriber(s, "shop", a)),
        "add": (Action.SUBSCRIBER_ADDED, lambda a: add_subscriber(s, setup.vault, new, RULES, a)),
        "change": (
            Action.SUBSCRIBER_CHANGED,
            lambda a: change_subscriber(
                s, setup.vault, "new", SubscriberChange(customer=True), RULES, a
            ),
        ),
        "rotate": (
            Action.SECRET_ROTATED,
            lambda a: rotate_secret(s, setup.vault, "new", Rotation(), a),
        ),
        "reseal": (Action.SECRETS_RESEALED, lambda a: reseal(s, setup.vault, a)),
        "remove": (Action.SUBSCRIBER_REMOVED, lambda a: remove_subscriber(s, "new", a)),
        "make a token": (
            Action.TOKEN_CREATED,
            lambda a: create_token(s, NewToken(name="x", role=Role.VIEWER), a),
        ),
        "revoke a token": (Action.TOKEN_REVOKED, lambda a: revoke_token(s, "x", a)),
    }


def _looks(setup: OperationsSetup, names: Names) -> dict[str, Act]:
    s, common = setup.sessions, names["*"]
    return {
        f"notice:{common['notice_id']}": lambda a: show_notice(s, common["notice_id"], shown_to=a),
        f"order:{ORDER_NO}": lambda a: show_order(s, ORDER_NO, shown_to=a),
        f"event:{common['event_id']}": lambda a: show_event(s, common["event_id"], shown_to=a),
        "events": lambda a: list_events(s, Place(), shown_to=a),
        f"webhook:{common['webhook_id']}": lambda a: show_outbound(
            s, common["webhook_id"], shown_to=a
        ),
        f"sample:{common['sample_id']}": lambda a: show_sample(s, common["sample_id"], shown_to=a),
    }


async def _entries(setup: OperationsSetup) -> list[Any]:
    rows = await setup.rows(
        "SELECT operator, role, via, action, subject FROM audit_entries ORDER BY id"
    )
    await setup.run("DELETE FROM audit_entries")
    return [tuple(row) for row in rows]


async def test_every_action_leaves_exactly_one_entry(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    await _entries(setup)
    for name, (action, act) in _actions(setup, names).items():
        with subtests.test(action=name):
            actor = ADMIN if ROLE_OF[action] is Role.ADMIN else OPERATOR
            await act(actor)
            (entry,) = await _entries(setup)
            assert (actor.name, actor.role, actor.via, action) == entry[:4]


async def test_a_role_that_is_too_low_changes_nothing(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    for name, (action, act) in _actions(setup, names).items():
        for actor in (VIEWER, OPERATOR):
            if actor.role.includes(ROLE_OF[action]):
                continue
            with subtests.test(action=name, role=actor.role):
                before = await contents(setup)
                with pytest.raises(NotAllowed):
                    await act(actor)
                assert before == await contents(setup)
        await act(ADMIN)


async def test_every_view_of_personal_values_leaves_one_entry(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    names = await filled(setup)
    await _entries(setup)
    for subject, look in _looks(setup, names).items():
        with subtests.test(subject=subject):
            await look(OPERATOR)
            assert [("sato", "operator", "api", "personal_data.seen", subject)] == await _entries(
                setup
            )
            with pytest.raises(NotAllowed):
                await look(VIEWER)
            assert [] == await _entries(setup)


async def test_a_rejected_action_leaves_no_entry(setup: OperationsSetup) -> None:
    names = await filled(setup)
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    await _entries(setup)
    rejected = 0
    for _, act in itertools.islice(
        _actions(setup, names).values(), 6, 10
    ):  # the actions on the removed subscriber
        with pytest.raises(OperationError):
            await act(ADMIN)
        rejected += 1
    assert (4, []) == (rejected, await _entries(setup))


async def test_a_dry_run_of_a_recovery_is_no_action(setup: OperationsSetup) -> None:
    await filled(setup)
    await _entries(setup)
    request = RecoveryRequest.model_validate(
        {"subscriber": "shop", "since": "2020-01-01T00:00:00Z", "dry_run": True}
    )
    assert 2 == (await recover(setup.sessions, request, OPERATOR)).webhooks
    assert [] == await _entries(setup)


async def test_a_declared_subscriber_leaves_an_entry_if_it_changes_something(
    setup: OperationsSetup,
) -> None:
    declared = [
        DeclaredSubscriber.model_validate(
            {"name": "shop", "url": "https://shop.example/", "secret": "whsec_" + "A" * 32}
        )
    ]
    for _ in range(2):
        await apply_declared(setup.sessions, setup.vault, declared, UrlRules())
    assert [
        ("zeus-relay", "admin", "service", "subscriber.declared", "subscriber:shop")
    ] == await _entries(setup)


async def test_entries_contain_no_personal_values_and_no_secrets(setup: OperationsSetup) -> None:
    names = await filled(setup)
    for _, act in _actions(setup, names).values():
        await act(ADMIN)
    for look in list(_looks(setup, names).values())[:5]:  # the sample was released
        await look(ADMIN)
    text = str(await setup.rows("SELECT * FROM audit_entries"))
    assert [] == [
        secret for secret in (*PERSONAL, SOURCE, "whsec_", "zrt_", "https://") if secret in text
    ]
    assert str(names["*"]["notice_id"]) in text


async def test_the_audit_is_filtered_by_operator_action_and_subject(setup: OperationsSetup) -> None:
    names = await filled(setup)
    await retry_outbound(setup.sessions, names["*"]["webhook_id"], OPERATOR)
    await pause_subscriber(setup.sessions, "shop", None, ADMIN)

    async def actions(**which: Any) -> list[str]:
        return [
            entry.action for entry in (await list_audit(setup.sessions, Place(), **which)).items
        ]

    assert ["webhook.retried"] == await actions(operator="sato")
    assert ["subscriber.paused", "subscriber.added"] == await actions(subject="subscriber:shop")
    assert ["subscriber.paused"] == await actions(
        operator="suzuki", action=Action.SUBSCRIBER_PAUSED, subject="subscriber:shop"
    )
    first = await list_audit(setup.sessions, Place(limit=1))
    second = await list_audit(setup.sessions, Place(first.next_cursor, 1))
    assert (["subscriber.paused"], True, ["webhook.retried"]) == (
        [entry.action for entry in first.items],
        first.has_more,
        [entry.action for entry in second.items],
    )


def test_every_action_requires_an_actor() -> None:
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
