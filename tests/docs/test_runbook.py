"""Runbook against alerts: every alert has a section, in both languages."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from app.db.checks.old_transactions import Slot
from app.operations.monitoring.alert_conditions import (
    AlertCondition,
    AttentionSummary,
    alert_conditions,
    conditions_of_database,
    conditions_without_database,
)
from app.operations.monitoring.baseline import Expectation
from app.operations.monitoring.mail_snapshot import MailSnapshot
from app.operations.monitoring.snapshot import Snapshot, SubscriberSnapshot
from app.recording.spool.status import SpoolState
from tests.docs.pages import page, rows

RUNBOOKS = [
    ("docs/how-to/when-something-is-wrong.md", "# When something is wrong"),
    ("docs/how-to/when-something-is-wrong.ja.md", "# 障害対応の手引き"),
]
NOW = datetime(2026, 11, 23, 3, 51, tzinfo=UTC)


def worst() -> list[AlertCondition]:
    """Every alert condition."""
    paused = SubscriberSnapshot("billing", "paused", "gone", 1, 60.0, failing_since=None)
    failing = SubscriberSnapshot(
        "shop", "active", None, 3, 86_400.0, failing_since=NOW - timedelta(days=1)
    )
    old = NOW - timedelta(hours=1)
    mails = MailSnapshot(True, old, 1, 1, 1, ("m",), ("f",), old, 20, 20)
    standing = Snapshot(
        NOW, NOW - timedelta(days=1), 5, 900.0, 2, 1, 4, (paused, failing), mails=mails
    )
    ones: dict[str, Any] = dict.fromkeys(SpoolState.__dataclass_fields__, 1)
    spool = SpoolState(**{**ones, "oldest_seconds": 900.0})
    seen = alert_conditions(
        standing, Expectation(100, 100), AttentionSummary(("a",), ("b",), ("c",))
    )
    kept = conditions_of_database(
        {"session": 7_200.0}, [Slot("left", active=False, wal_bytes=2e10)]
    )
    return [*seen, *kept, *conditions_without_database(spool, timedelta(minutes=5))]


@pytest.mark.parametrize(("name", "heading"), RUNBOOKS)
def test_every_prometheus_alert_has_its_section(name: str, heading: str) -> None:
    listed = set(re.findall(r"ZeusRelay\w+", " ".join(row[0] for row in rows(page(name), heading))))
    assert listed == set(re.findall(r"- alert: (\w+)", page("deploy/prometheus-rules.yml")))


@pytest.mark.parametrize(("name", "heading"), RUNBOOKS)
def test_every_chat_message_has_its_section(name: str, heading: str) -> None:
    cells = [
        text
        for row in rows(page(name), heading)
        for text in re.split(r"[;、] ?", row[1])
        if text not in "-—"
    ]
    patterns = [re.escape(text).replace("…", ".*") for text in cells]
    concerns = worst()
    assert len({concern.key.partition(":")[0] for concern in concerns}) == len(cells)
    for concern in concerns:
        assert any(re.match(pattern, concern.text) for pattern in patterns), concern.text
