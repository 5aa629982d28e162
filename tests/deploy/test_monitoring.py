"""Alert rules, their tests, the scrape example and the dashboard match the exposed metrics."""

import json
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from app import metrics
from app.operations.monitoring import snapshot_gauges
from tests.deploy.test_proxies import needs

DEPLOY = Path(__file__).parents[2] / "deploy"
RULES = (DEPLOY / "prometheus-rules.yml").read_text()
TESTS = (DEPLOY / "prometheus-rules-test.yml").read_text()
DASHBOARD = json.loads((DEPLOY / "grafana-dashboard.json").read_text())
ALERTS = re.findall(r"- alert: (\w+)", RULES)
_SUFFIXES = {
    "counter": ["_total"],
    "histogram": ["_bucket", "_sum", "_count"],
    "info": ["_info"],
    "gauge": [""],
}


def _exposed() -> set[str]:
    """Return the names of all series that any process exposes."""
    snapshot_gauges.expose()
    return {
        family.name + suffix
        for family in metrics.registry.collect()
        for suffix in _SUFFIXES[family.type]
    }


def _named(text: str) -> set[str]:
    return set(re.findall(r"zeus_relay_\w+", text))


def _promtool(*arguments: str) -> str:
    result = subprocess.run(
        ["promtool", *arguments], cwd=DEPLOY, capture_output=True, text=True, timeout=100
    )
    assert 0 == result.returncode, result.stdout + result.stderr
    return result.stdout


def _expressions(panels: list[dict[str, Any]]) -> Iterator[str]:
    return (target["expr"] for panel in panels for target in panel["targets"])


@needs("promtool")
def test_promtool_accepts_the_rules() -> None:
    assert f"{len(ALERTS)} rules found" in _promtool("check", "rules", "prometheus-rules.yml")


@needs("promtool")
def test_the_rules_pass_their_tests() -> None:
    assert "SUCCESS" in _promtool("test", "rules", "prometheus-rules-test.yml")


@needs("promtool")
def test_a_rule_that_never_fires_fails_its_test(tmp_path: Path) -> None:
    (tmp_path / "prometheus-rules.yml").write_text(RULES.replace("> 900", "> 9000"))
    (tmp_path / "prometheus-rules-test.yml").write_text(TESTS)
    result = subprocess.run(
        ["promtool", "test", "rules", "prometheus-rules-test.yml"],
        cwd=tmp_path,
        capture_output=True,
        timeout=100,
    )
    assert 0 != result.returncode


@needs("promtool")
def test_the_scrape_example_is_valid() -> None:
    assert "SUCCESS" in _promtool("check", "config", "prometheus.yml")


@pytest.mark.parametrize("alert", ALERTS)
def test_every_rule_is_tested_to_fire_and_to_stay_silent(alert: str) -> None:
    assert re.search(rf"alertname: {alert}\b[^\n]*exp_alerts: \[\]", TESTS)
    assert re.search(
        rf"alertname: {alert}\n\s+eval_time: \w+\n\s+exp_alerts:\n\s+- exp_labels", TESTS
    )


def test_the_page_about_monitoring_lists_every_rule() -> None:
    page = (DEPLOY.parent / "docs" / "how-to" / "monitor.md").read_text()
    assert ALERTS == re.findall(r"^\| `(ZeusRelay\w+)` \|", page, re.MULTILINE)


@pytest.mark.parametrize("text", [RULES, TESTS], ids=["rules", "tests"])
def test_rules_name_only_exposed_metrics(text: str) -> None:
    assert set() == _named(text) - _exposed()


def test_the_dashboard_names_only_exposed_metrics() -> None:
    named = set().union(*(_named(expression) for expression in _expressions(DASHBOARD["panels"])))
    assert (set(), True) == (named - _exposed(), len(named) > 15)


def test_panels_have_titles_and_do_not_overlap() -> None:
    panels = DASHBOARD["panels"]
    assert (
        len(panels)
        == len({panel["title"] for panel in panels})
        == len({panel["id"] for panel in panels})
    )
    places = [
        (panel["gridPos"][axis], panel["gridPos"][size])
        for panel in panels
        for axis, size in (("x", "w"),)
    ]
    assert all(left + width <= 24 for left, width in places)
    cells = [
        (x, y)
        for grid in (panel["gridPos"] for panel in panels)
        for x in range(grid["x"], grid["x"] + grid["w"])
        for y in range(grid["y"], grid["y"] + grid["h"])
    ]
    assert len(cells) == len(set(cells))


def test_every_metric_has_a_help_text() -> None:
    snapshot_gauges.expose()
    assert [] == [family.name for family in metrics.registry.collect() if not family.documentation]
    assert all(name.startswith("zeus_relay_") for name in _exposed())
