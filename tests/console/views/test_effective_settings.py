"""Effective settings: their origins and formats."""

import pytest

from app.console.views.effective_settings import Origin, shown_settings
from app.settings import Settings


def test_kubernetes_service_variables_are_not_settings() -> None:
    shown = {
        one.variable: one
        for one in shown_settings(
            Settings(), {"RELAY_PUBLIC_PORT": "tcp://10.96.0.7:8000"}, "no-such-file"
        )
    }
    assert (Origin.DEFAULT, "8000") == (
        shown["RELAY_PUBLIC_PORT"].origin,
        shown["RELAY_PUBLIC_PORT"].text,
    )


def test_origins_of_settings(tmp_path_factory: pytest.TempPathFactory) -> None:
    file = tmp_path_factory.mktemp("settings") / ".env"
    file.write_text("RELAY_LOG_LEVEL=DEBUG\nRELAY_ADMIN_TOKEN=\n")
    settings = Settings(
        log_level="DEBUG",
        operator_port=9001,
        admin_token="b1946ac92492d2347c6235b4d2611184",
        hold_limit=5,
    )
    shown = {
        one.variable: one
        for one in shown_settings(
            settings, {"RELAY_ADMIN_TOKEN": "x", "RELAY_OPERATOR_PORT": "9001"}, str(file)
        )
    }
    assert len(Settings.model_fields) == len(shown)
    assert (Origin.FILE, "DEBUG") == (
        shown["RELAY_LOG_LEVEL"].origin,
        shown["RELAY_LOG_LEVEL"].text,
    )
    assert (Origin.ENVIRONMENT, "9001") == (
        shown["RELAY_OPERATOR_PORT"].origin,
        shown["RELAY_OPERATOR_PORT"].text,
    )
    assert (Origin.ENVIRONMENT, "1", True) == tuple(
        getattr(shown["RELAY_ADMIN_TOKEN"], name) for name in ("origin", "text", "hidden")
    )
    assert (Origin.DEFAULT, "") == (
        shown["RELAY_DATABASE_URL"].origin,
        shown["RELAY_DATABASE_URL"].text,
    )
    assert Origin.PROGRAM is shown["RELAY_HOLD_LIMIT"].origin
    assert (True, "2") == (
        shown["RELAY_ALLOWED_SOURCES"].hidden,
        shown["RELAY_ALLOWED_SOURCES"].text,
    )
    assert ("0s", "5d", "1GiB") == tuple(
        shown[f"RELAY_{name}"].text for name in ("STOP_DELAY", "PAUSE_AFTER", "SPOOL_LIMIT")
    )
    assert "0s, 5s, 5m, 30m, 2h, 5h, 10h, 14h, 20h, 1d" == shown["RELAY_RETRY_SCHEDULE"].text


def test_settings_are_shown_in_their_input_format() -> None:
    settings = Settings(answer_budget="1500ms", pause_after="36h", spool_limit="1500KiB")
    shown = {one.variable: one.text for one in shown_settings(settings, {}, "no-such-file")}
    for variable, text in (
        ("RELAY_ANSWER_BUDGET", "1500ms"),
        ("RELAY_PAUSE_AFTER", "36h"),
        ("RELAY_SPOOL_LIMIT", "1500KiB"),
    ):
        assert text == shown[variable]
