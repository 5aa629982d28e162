"""Subscribers: add, change, pause, resume, rotate and remove, with the effect on their webhooks."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from sqlalchemy import text

from app.operations.errors import NameTaken, NotAcceptable, SubscriberNotFound, TooManySecrets
from app.operations.subscribers.models import SubscriberChange
from app.operations.subscribers.pause import pause_subscriber, resume_subscriber
from app.operations.subscribers.rotation import MOST_SECRETS, Rotation, rotate_secret
from app.operations.subscribers.subscribers import (
    change_subscriber,
    list_subscribers,
    remove_subscriber,
    show_subscriber,
)
from tests.forwarding.delivery_setup import until
from tests.operations.operations_setup import ADMIN, OPERATOR, RULES, OperationsSetup
from tests.subscriber import subscriber

OWN_SECRET = "whsec_" + "A" * 32


async def _opened_secrets(setup: OperationsSetup) -> list[str]:
    rows = await setup.rows(
        "SELECT sealed FROM subscriber_secrets "
        "WHERE expires_at IS NULL OR expires_at > now() ORDER BY id"
    )
    return [setup.vault.open(row.sealed) for row in rows]


async def test_a_new_subscriber_shows_its_secret_once_and_keeps_it_sealed(
    setup: OperationsSetup,
) -> None:
    added = await setup.add(
        "shop", event_types=["payment.received", "payment.received"], customer=True
    )
    assert ("shop", ["payment.received"], True, "active", False) == (
        added.name,
        added.event_types,
        added.customer,
        added.state,
        added.declared,
    )
    assert [added.secret] == await _opened_secrets(setup)
    shown = await show_subscriber(setup.sessions, "shop")
    assert added.secret not in shown.model_dump_json()
    assert [None] == [secret.expires_at for secret in shown.secrets]
    assert ["shop"] == [
        subscriber.name for subscriber in (await list_subscribers(setup.sessions)).items
    ]


async def test_a_given_secret_is_used(setup: OperationsSetup) -> None:
    assert OWN_SECRET == (await setup.add(secret=OWN_SECRET)).secret
    assert [OWN_SECRET] == await _opened_secrets(setup)


UNUSABLE: list[tuple[str, Any]] = [
    ("name", ""),
    ("name", "a/b"),
    ("name", "-shop"),
    ("name", "a b"),
    ("url", "ftp://shop.example/"),
    ("url", "https://user:password@shop.example/"),
    ("url", "https://10.0.0.1/hooks"),
    ("url", "https://2130706433/"),
    ("event_types", []),
    ("event_types", ["payment.recieved"]),
    ("event_types", ["webhook.test"]),
    ("secret", "hunter2"),
]


async def test_an_invalid_subscriber_is_rejected_and_not_added(
    setup: OperationsSetup, subtests: pytest.Subtests
) -> None:
    for field, value in UNUSABLE:
        with subtests.test(field=field, value=value):
            with pytest.raises(NotAcceptable) as rejected:
                await setup.add(**{field: value})
            assert field == rejected.value.field
            assert not value or str(value) not in str(
                rejected.value
            )  # the given value may be a secret
    assert [] == await setup.rows("SELECT 1 FROM subscribers")


async def test_names_of_any_script_are_accepted(setup: OperationsSetup) -> None:
    await setup.add("本店_1.x-y")
    assert "本店_1.x-y" == (await show_subscriber(setup.sessions, "本店_1.x-y")).name


async def test_a_name_is_unique_even_for_concurrent_requests(setup: OperationsSetup) -> None:
    results = await asyncio.gather(*(setup.add("shop") for _ in range(5)), return_exceptions=True)
    assert 4 == sum(isinstance(result, NameTaken) for result in results)
    assert 1 == len(await setup.rows("SELECT 1 FROM subscriber_secrets"))


async def test_only_named_fields_change(setup: OperationsSetup) -> None:
    before = await setup.add(event_types=["payment.received"], timeout_ms=5_000)
    url = "https://new.example/"
    changed = await change_subscriber(
        setup.sessions, setup.vault, "shop", SubscriberChange(url=url), RULES, ADMIN
    )
    assert (
        before.model_copy(update={"url": url, "updated_at": changed.updated_at}).model_dump(
            exclude={"secret"}
        )
        == changed.model_dump()
    )
    assert changed.updated_at > before.updated_at
    cleared = await change_subscriber(
        setup.sessions,
        setup.vault,
        "shop",
        SubscriberChange(event_types=None, timeout_ms=None, customer=True),
        RULES,
        ADMIN,
    )
    assert (url, None, None, True) == (
        cleared.url,
        cleared.event_types,
        cleared.timeout_ms,
        cleared.customer,
    )


async def test_a_change_that_names_nothing_changes_nothing(setup: OperationsSetup) -> None:
    before = await setup.add()
    changed = await change_subscriber(
        setup.sessions, setup.vault, "shop", SubscriberChange(url=None, ordered=None), RULES, ADMIN
    )
    assert before.model_dump(exclude={"secret"}) == changed.model_dump()


async def test_a_change_to_a_forbidden_url_is_rejected(setup: OperationsSetup) -> None:
    before = await setup.add()
    with pytest.raises(NotAcceptable):
        await change_subscriber(
            setup.sessions,
            setup.vault,
            "shop",
            SubscriberChange(url="https://169.254.169.254/"),
            RULES,
            ADMIN,
        )
    assert before.url == (await show_subscriber(setup.sessions, "shop")).url


async def test_webhooks_of_a_paused_subscriber_are_held_and_sent_after_resuming(
    setup: OperationsSetup,
) -> None:
    async with subscriber(OWN_SECRET) as merchant:
        await setup.add("shop", merchant.url, secret=OWN_SECRET)
        paused = await pause_subscriber(setup.sessions, "shop", "maintenance", OPERATOR)
        assert ("paused", "maintenance") == (paused.state, paused.pause_reason)
        await setup.judged("01", "04")
        assert (2, 0) == await _owed(setup)
        async with setup.forwarder():
            await asyncio.sleep(0.2)
            assert [] == merchant.received
            resumed = await resume_subscriber(setup.sessions, "shop", OPERATOR)
            assert ("active", None) == (resumed.state, resumed.pause_reason)
            assert resumed.resumed_at is not None
            await merchant.wait_for(2)
    assert ["order.accepted", "payment.received"] == [
        event["type"] for _, event in merchant.received
    ]


async def _owed(setup: OperationsSetup) -> tuple[int, int]:
    shown = await show_subscriber(setup.sessions, "shop")
    return shown.pending, shown.dead


async def test_a_removed_subscriber_leaves_no_url_no_secret_and_no_pending_webhook(
    setup: OperationsSetup,
) -> None:
    await setup.add()
    await setup.judged("01", "04")
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    assert [("removed", "")] == [
        (row.state, row.url) for row in await setup.rows("SELECT state, url FROM subscribers")
    ]
    assert [] == await setup.rows("SELECT 1 FROM subscriber_secrets")
    rows = await setup.rows("SELECT state, finished_at FROM outbound_webhooks")
    assert ["cancelled", "cancelled"] == [row.state for row in rows]
    assert all(row.finished_at for row in rows)
    assert [] == (await list_subscribers(setup.sessions)).items


async def test_the_name_of_a_removed_subscriber_is_free_again(setup: OperationsSetup) -> None:
    await setup.add()
    await remove_subscriber(setup.sessions, "shop", ADMIN)
    await setup.add(url="https://other.example/")
    assert "https://other.example/" == (await show_subscriber(setup.sessions, "shop")).url


async def test_after_a_rotation_webhooks_carry_signatures_of_both_secrets(
    setup: OperationsSetup,
) -> None:
    old = await setup.add()
    new = await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(), ADMIN)
    assert new.secret != old.secret
    assert [old.secret, new.secret] == await _opened_secrets(setup)
    current, earlier = (await show_subscriber(setup.sessions, "shop")).secrets
    assert current.expires_at is None
    assert earlier.expires_at
    assert 24 * 3600 == pytest.approx(
        (earlier.expires_at - current.created_at).total_seconds(), abs=5
    )


async def test_a_webhook_verifies_with_the_earlier_secret_only_during_the_overlap(
    setup: OperationsSetup,
) -> None:
    async with subscriber(
        OWN_SECRET
    ) as merchant:  # fails unless every webhook verifies with the earlier secret
        await setup.add("shop", merchant.url, secret=OWN_SECRET)
        await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(overlap_hours=1), ADMIN)
        await setup.judged("01")
        async with setup.forwarder():
            await merchant.wait_for(1)
            await rotate_secret(
                setup.sessions, setup.vault, "shop", Rotation(overlap_hours=0), ADMIN
            )
            await setup.judged("04")
            await until(lambda: _is_true(lambda: len(merchant.unverified) > 0))
        merchant.unverified.clear()
    assert ["order.accepted"] == [event["type"] for _, event in merchant.received]


async def _is_true(condition: Callable[[], bool]) -> bool:
    return condition()


async def test_a_rotation_without_overlap_ends_every_earlier_secret(setup: OperationsSetup) -> None:
    await setup.add()
    await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(overlap_hours=168), ADMIN)
    last = await rotate_secret(
        setup.sessions, setup.vault, "shop", Rotation(overlap_hours=0, secret=OWN_SECRET), ADMIN
    )
    assert OWN_SECRET == last.secret
    assert [OWN_SECRET] == await _opened_secrets(setup)


async def test_an_overlap_never_extends_an_earlier_one(setup: OperationsSetup) -> None:
    await setup.add()
    await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(overlap_hours=1), ADMIN)
    await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(overlap_hours=168), ADMIN)
    _, middle, first = (await show_subscriber(setup.sessions, "shop")).secrets
    assert first.expires_at
    assert middle.expires_at
    assert 3600 == pytest.approx((first.expires_at - first.created_at).total_seconds(), abs=5)
    assert 168 * 3600 == pytest.approx(
        (middle.expires_at - middle.created_at).total_seconds(), abs=5
    )


async def test_the_number_of_valid_secrets_is_limited(setup: OperationsSetup) -> None:
    await setup.add()
    for _ in range(MOST_SECRETS - 1):
        await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(), ADMIN)
    before = await _opened_secrets(setup)
    with pytest.raises(TooManySecrets):
        await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(), ADMIN)
    assert before == await _opened_secrets(setup)
    await rotate_secret(setup.sessions, setup.vault, "shop", Rotation(overlap_hours=0), ADMIN)
    assert 1 == len(await _opened_secrets(setup))


async def test_an_unknown_subscriber_is_not_found(setup: OperationsSetup) -> None:
    await setup.add("gone")
    await remove_subscriber(setup.sessions, "gone", ADMIN)
    actions: list[Callable[[], Awaitable[object]]] = [
        lambda: show_subscriber(setup.sessions, "gone"),
        lambda: pause_subscriber(setup.sessions, "gone", None, OPERATOR),
        lambda: resume_subscriber(setup.sessions, "gone", OPERATOR),
        lambda: remove_subscriber(setup.sessions, "gone", ADMIN),
        lambda: change_subscriber(
            setup.sessions, setup.vault, "gone", SubscriberChange(customer=True), RULES, ADMIN
        ),
        lambda: rotate_secret(setup.sessions, setup.vault, "gone", Rotation(), ADMIN),
    ]
    for action in actions:
        with pytest.raises(SubscriberNotFound):
            await action()


async def test_the_count_of_webhooks_stops_at_its_limit(setup: OperationsSetup) -> None:
    await setup.add()
    async with setup.sessions.begin() as session:
        await session.execute(
            text("""
                INSERT INTO outbound_webhooks (event_id, subscriber_id)
                SELECT gen_random_uuid(), (SELECT id FROM subscribers)
                FROM generate_series(1, 10050)
            """)
        )
    assert (10_000, 0) == await _owed(setup)


async def test_a_resume_resets_failures_and_only_a_pause_makes_a_backlog(
    setup: OperationsSetup,
) -> None:
    await setup.add(rate_limit=5)
    await setup.run(
        "UPDATE subscribers SET failures = 40, failing_since = now() - interval '6 days'"
    )
    assert None is (await resume_subscriber(setup.sessions, "shop", OPERATOR)).resumed_at
    await setup.run(
        "UPDATE subscribers "
        "SET failures = 40, failing_since = now() - interval '6 days', state = 'paused'"
    )
    resumed = await resume_subscriber(setup.sessions, "shop", OPERATOR)
    assert (0, None, 5) == (resumed.failures, resumed.failing_since, resumed.rate_limit)
    assert resumed.resumed_at is not None


async def test_a_rate_limit_can_be_set_and_removed(setup: OperationsSetup) -> None:
    await setup.add()
    for limit in (7, None):
        change = SubscriberChange.model_validate({"rate_limit": limit})
        assert (
            limit
            == (
                await change_subscriber(setup.sessions, setup.vault, "shop", change, RULES, ADMIN)
            ).rate_limit
        )
