"""Settings: an error stops the start and names the variable, the fault and an example."""

import os
from datetime import timedelta
from ipaddress import ip_network
from pathlib import Path

import pytest

from app.main.reference import env_example
from app.settings import Settings, WrongSettings, load_settings, service_variables, variable_of


@pytest.fixture(autouse=True)
def clean_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Remove RELAY_ variables and the .env of this machine."""
    for name in list(os.environ):
        if name.startswith("RELAY_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)


def test_env_example_is_current() -> None:
    file = Path(__file__).parents[2] / ".env.example"
    assert env_example() == file.read_text(), "run `make reference`"


def test_env_example_with_its_comment_signs_removed_is_valid(tmp_path: Path) -> None:
    lines = [line[1:] for line in env_example().splitlines() if line.startswith("#RELAY_")]
    assert len(lines) == len(Settings.model_fields)
    (tmp_path / ".env").write_text("\n".join(lines))
    assert load_settings() == Settings()


def test_only_loopback_may_call_by_default() -> None:
    assert [ip_network("127.0.0.0/8"), ip_network("::1/128")] == load_settings().allowed_sources
    assert [] == load_settings().trusted_proxies


def test_every_setting_has_a_description_and_an_example() -> None:
    assert all(field.description and field.examples for field in Settings.model_fields.values())


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("DATABASE_URL", "mysql://a/b", "must be a postgresql:// URL"),
        (
            "ALLOWED_SOURCES",
            "192.0.2.1/33",
            "'192.0.2.1/33' does not appear to be an IPv4 or IPv6 network",
        ),
        ("ALLOWED_SOURCES", "192.0.2.1/24", "has host bits set"),
        ("TRUSTED_PROXIES", "proxy.example", "does not appear to be"),
        ("NOTIFY_PATH", "zeus", "must begin with /"),
        ("NOTIFY_PATH", "/healthz", "is taken by the health check"),
        ("NOTIFY_TOKEN", "short", "at least 16 characters"),
        ("IP_CODES", "123", "'123' is not 10 digits"),
        ("PUBLIC_PORT", "http", "valid integer"),
        ("OPERATOR_PORT", "70000", "less than or equal to 65535"),
        ("ADMIN_TOKEN", "short", "at least 20 characters"),
        ("SECRET_KEYS", "abc", "32 bytes in URL-safe base64"),
        ("RETRY_SCHEDULE", "5x", "'5x' is not a duration"),
        ("RETRY_SCHEDULE", ",", "at least 1 item"),
        ("SUBSCRIBERS", "{", "is not valid JSON"),
        ("SUBSCRIBERS", '[{"name":"a"}]', "url: a subscriber needs one"),
        ("MAILBOX_URL", "https://shop@imap.example", "must be imaps://user@host/folder"),
        ("MAILBOX_URL", "imap://shop@imap.example", "must begin with imaps://, except for a"),
        ("MAILBOX_URL", "imaps://shop:secret@imap.example", "must not hold the password"),
        ("LOG_LEVEL", "LOUD", "'DEBUG', 'INFO'"),
        ("ALLOW_HTTP_SUBSCRIBERS", "perhaps", "valid boolean"),
    ],
)
def test_a_wrong_value_is_named_with_an_example(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, fault: str
) -> None:
    monkeypatch.setenv(f"RELAY_{name}", value)
    with pytest.raises(WrongSettings) as caught:
        load_settings()
    text = str(caught.value)
    assert text.startswith(f"RELAY_{name}: ")
    assert fault in text
    assert f"Example: RELAY_{name}=" in text


def test_all_wrong_values_are_named_together(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_PUBLIC_PORT", "x")
    monkeypatch.setenv("RELAY_OPERATOR_PORT", "y")
    with pytest.raises(WrongSettings) as caught:
        load_settings()
    assert ["RELAY_PUBLIC_PORT", "RELAY_OPERATOR_PORT"] == [
        line.partition(":")[0] for line in str(caught.value).splitlines()
    ]


def test_a_misspelt_variable_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_ALOWED_SOURCES", "192.0.2.1/32")
    with pytest.raises(WrongSettings, match=r"did you mean RELAY_ALLOWED_SOURCES\?"):
        load_settings()


@pytest.mark.parametrize("name", ["DATABASE_URL", "ADMIN_TOKEN", "SECRET_KEYS", "NOTIFY_TOKEN"])
def test_a_fault_never_shows_a_secret(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(f"RELAY_{name}", "hunter2!")
    with pytest.raises(WrongSettings) as caught:
        load_settings()
    assert "hunter2!" not in str(caught.value)


def test_durations_and_lists_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_RETRY_SCHEDULE", "0s, 250ms,1.5h")
    monkeypatch.setenv("RELAY_IP_CODES", "2012000001, 2012000002")
    settings = load_settings()
    assert [
        timedelta(0),
        timedelta(milliseconds=250),
        timedelta(minutes=90),
    ] == settings.retry_schedule
    assert ["2012000001", "2012000002"] == settings.ip_codes


def test_an_empty_variable_counts_as_unset(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RELAY_NOTIFY_TOKEN", "")
    assert load_settings().notify_token is None
    assert "RELAY_NOTIFY_TOKEN" == variable_of("notify_token")


def service_environment(name: str, address: str = "10.96.0.7") -> dict[str, str]:
    """Return the variables that Kubernetes adds for a Service with one named port."""
    host = f"[{address}]" if ":" in address else address
    return {
        f"{name}_SERVICE_HOST": address,
        f"{name}_SERVICE_PORT": "8000",
        f"{name}_SERVICE_PORT_HTTP": "8000",
        f"{name}_PORT": f"tcp://{host}:8000",
        f"{name}_PORT_8000_TCP": f"tcp://{host}:8000",
        f"{name}_PORT_8000_TCP_PROTO": "tcp",
        f"{name}_PORT_8000_TCP_PORT": "8000",
        f"{name}_PORT_8000_TCP_ADDR": address,
    }


@pytest.mark.parametrize(
    "service",
    ["RELAY", "RELAY_PUBLIC", "RELAY_OPERATOR", "RELAY_METRICS", "RELAY_DATABASE", "RELAY_PORT"],
)
@pytest.mark.parametrize("address", ["10.96.0.7", "fd00::7"])
def test_variables_of_kubernetes_services_change_no_setting(
    monkeypatch: pytest.MonkeyPatch, service: str, address: str
) -> None:
    for name, value in service_environment(service, address).items():
        monkeypatch.setenv(name, value)
    assert Settings.model_construct() == load_settings()
    assert sorted(service_environment(service, address)) == service_variables()


def test_a_setting_wins_over_a_service_of_its_name(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name, value in service_environment("RELAY_PUBLIC").items():
        monkeypatch.setenv(name, value)
    (tmp_path / ".env").write_text("RELAY_PUBLIC_PORT=8100\n")
    assert 8100 == load_settings().public_port
    monkeypatch.setenv("RELAY_PUBLIC_PORT", "8200")  # as a pod's specification does
    assert 8200 == load_settings().public_port
    assert "RELAY_PUBLIC_PORT" not in service_variables()


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "8000"),
        ("PUBLIC_PORT", "tcp://relay.example:8000"),
        ("PUBLIC_PORT", "http://10.96.0.7:8000"),
        ("PUBLIC_PORT", "tcp://10.96.0.7:80000"),
        ("PUBLIC_SERVICE_HOST", "10.96.0.7"),
        ("PUBLIC_SERVICE_PORT", "8000"),
        ("PUBLIC_PORT_8000_TCP_ADDR", "10.96.0.7"),
        ("PUBLIC_PORT_8000_TPC", "tcp://10.96.0.7:8000"),
    ],
)
def test_a_variable_that_resembles_a_services_stops_the_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(f"RELAY_{name}", value)
    with pytest.raises(WrongSettings, match=f"^RELAY_{name}: "):
        load_settings()


def test_a_typing_error_beside_a_service_stops_the_start(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in (
        service_environment("RELAY_PUBLIC") | {"RELAY_PUBLIC_HOTS": "0.0.0.0"}
    ).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(
        WrongSettings, match=r"^RELAY_PUBLIC_HOTS: .*did you mean RELAY_PUBLIC_HOST\?$"
    ):
        load_settings()


def test_a_services_variable_in_a_file_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / ".env").write_text("RELAY_PUBLIC_PORT=tcp://10.96.0.7:8000\n")
    with pytest.raises(WrongSettings, match=r"^RELAY_PUBLIC_PORT: "):
        load_settings()
