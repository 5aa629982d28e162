"""Every setting, with its default, its checks and the text of its reference."""

import ipaddress
import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from cryptography.fernet import Fernet
from pydantic import Field, SecretStr, field_validator, model_validator
from pydantic_settings import (
    BaseSettings,
    EnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from app.settings.database_url import read_database_url
from app.settings.declared_subscribers import DeclaredSubscriber
from app.settings.kinds import (
    Duration,
    Durations,
    Names,
    Networks,
    Port,
    Secrets,
    Size,
    parse_duration,
)
from app.settings.service_links import service_variables

PREFIX = "RELAY_"


class Settings(BaseSettings):
    """Everything that can be configured. Each field is the variable RELAY_<FIELD>; `description` is the text of its reference."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True
    )

    database_url: SecretStr | None = Field(
        None,
        description="Postgres to use, several hosts allowed for failover. Unset: an embedded Postgres in RELAY_DATA_DIR.",
        examples=["postgresql://relay:password@db.example:5432/relay"],
    )
    data_dir: Path = Field(
        Path("data"),
        description="Where the embedded Postgres and generated keys live.",
        examples=["/var/lib/zeus-relay"],
    )
    allowed_sources: Networks = Field(
        [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")],
        description="CIDRs that may call the notification endpoint. Zeus tells each merchant its addresses in confidence.",
        examples=["192.0.2.10/32,198.51.100.0/28"],
    )
    allowed_sources_file: Path | None = Field(
        None,
        description="A file with more of them, one a line, # begins a comment. SIGHUP has it read again.",
        examples=["/etc/zeus-relay/sources"],
    )
    source_mode: Literal["enforce", "observe"] = Field(
        "enforce",
        description="enforce answers 403 to sources that are not allowed; observe records their calls too and reports them.",
        examples=["observe"],
    )
    trusted_proxies: Networks = Field(
        [],
        description="CIDRs of reverse proxies whose X-Forwarded-For is believed.",
        examples=["203.0.113.5/32"],
    )
    stop_delay: Annotated[Duration, Field(le=timedelta(seconds=10))] = Field(
        timedelta(0),
        description="How long the receiver goes on accepting after SIGTERM while /readyz already says no, at most 10s. "
        "For load balancers that find out late.",
        examples=["5s"],
    )
    notify_path: str = Field(
        "/zeus/notify", description="Path of the notification endpoint.", examples=["/zeus/notify"]
    )
    notify_token: SecretStr | None = Field(
        None,
        description="When set, the endpoint is RELAY_NOTIFY_PATH/<token> and nothing else.",
        examples=["k3VQ8mZ1xWb7Tn5cRj9uYd2L"],
    )
    answer_budget: Annotated[
        Duration, Field(ge=timedelta(milliseconds=500), le=timedelta(seconds=30))
    ] = Field(
        timedelta(seconds=5),
        description="Time within which a call is recorded and answered: 60 % of it for Postgres, the rest for the spool.",
        examples=["5s"],
    )
    spool_dir: Path | None = Field(
        None,
        description="Where calls are kept while Postgres is away; a local disk that outlives the process. Unset: RELAY_DATA_DIR/spool.",
        examples=["/var/lib/zeus-relay/spool"],
    )
    spool_limit: Annotated[Size, Field(ge=1024 * 1024)] = Field(
        1024**3,
        description="How large the spool directory may become: 1 GiB holds more than a million calls.",
        examples=["1GiB"],
    )
    when_unstorable: Literal["hold", "error"] = Field(
        "hold",
        description="What happens to a call when neither Postgres nor the spool takes it: hold it unanswered past Zeus's 40 s, "
        "which Zeus may retry, or answer 503, which it never does. A held call is answered as soon as it can be recorded.",
        examples=["hold"],
    )
    hold_limit: Annotated[int, Field(ge=0)] = Field(
        1_000,
        description="Calls held at the same time; beyond them the answer is 503.",
        examples=["1000"],
    )
    ip_codes: Names = Field(
        [],
        description="The merchant's IPコード, 10 digits each. A call with another one is quarantined. Unset: any is taken.",
        examples=["2012000001"],
    )
    public_host: str = Field(
        "127.0.0.1", description="Address the public listener binds to.", examples=["::1"]
    )
    public_port: Port = Field(
        8000,
        description="Port of the public listener: the notification endpoint and health only.",
        examples=["8000"],
    )
    operator_host: str = Field(
        "127.0.0.1", description="Address the private listener binds to.", examples=["::1"]
    )
    operator_port: Port = Field(
        8001,
        description="Port of the private listener: console, API, metrics and health.",
        examples=["8001"],
    )
    metrics_port: Port | None = Field(
        None,
        description="When set, the roles receive and work serve /metrics and health on RELAY_OPERATOR_HOST at this port; "
        "operate and up serve them on RELAY_OPERATOR_PORT anyway.",
        examples=["9100"],
    )
    admin_token: SecretStr | None = Field(
        None,
        description="Bearer token of the API, at least 20 characters. "
        "Unset with the embedded Postgres: made once and kept in RELAY_DATA_DIR.",
        examples=["b1946ac92492d2347c6235b4d2611184"],
    )
    secret_keys: Secrets = Field(
        [],
        description="Fernet keys that encrypt webhook secrets at rest; the first encrypts, all decrypt. "
        "Unset with the embedded Postgres: made once and kept in RELAY_DATA_DIR.",
        examples=["Zm9yIGV4YW1wbGUgb25seSwgbWFrZSB5b3VyIG93biE="],
    )
    subscriber_networks: Networks = Field(
        [],
        description="Private CIDRs that webhooks may go to. Public addresses are always allowed.",
        examples=["127.0.0.0/8"],
    )
    allow_http_subscribers: bool = Field(
        False, description="Allow http:// subscriber URLs beside https://.", examples=["true"]
    )
    subscriber_ca_file: Path | None = Field(
        None,
        description="A PEM file of private authorities whose certificates subscribers may have, beside those the system trusts.",
        examples=["/etc/zeus-relay/private-ca.pem"],
    )
    subscriber_proxy: SecretStr | None = Field(
        None,
        description="A forward proxy for all webhooks, http://host:port, with user:password@ if it wants them. It is asked to connect to "
        "addresses that were looked up and judged here, never to names.",
        examples=["http://proxy.example:3128"],
    )
    retry_schedule: Durations = Field(
        [
            parse_duration(d)
            for d in ("0s", "5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
        ],
        description="Wait before each attempt, counted from the one before; after the last the webhook is dead.",
        examples=["0s,5s,5m,30m,2h,5h,10h,14h,20h,24h"],
    )
    order_hold: Duration = Field(
        timedelta(hours=1),
        description="How long an event that cannot be delivered holds back the later ones of its order, for one subscriber, "
        "counted from its first attempt.",
        examples=["1h"],
    )
    pause_after: Annotated[Duration, Field(ge=timedelta(minutes=1))] = Field(
        timedelta(days=5),
        description="How long a subscriber may fail without a success before it is paused. What is owed to a paused one is held.",
        examples=["5d"],
    )
    resume_rate: Annotated[int, Field(ge=1, le=10_000)] = Field(
        20,
        description="Webhooks a second that a resumed subscriber gets until what was held is gone.",
        examples=["20"],
    )
    worker_concurrency: Annotated[int, Field(ge=1, le=5_000)] = Field(
        200,
        description="Webhooks that one worker sends at the same time. Attempts that take more than a second are not among them; "
        "there may be five times as many.",
        examples=["200"],
    )
    worker_lease: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(seconds=60),
        description="How long a worker may be silent before others take over the webhooks it was sending.",
        examples=["60s"],
    )
    subscribers: list[DeclaredSubscriber] = Field(
        [],
        description="Subscribers declared as JSON, applied by name at every start. Whatever subscribers add takes can be declared.",
        examples=[
            '[{"name":"shop","url":"https://shop.example/hooks","events":["payment.received"],"secret":"whsec_..."}]'
        ],
    )
    personal_data_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        90,
        description="Days after which personal data is erased: raw calls, names, telephone numbers, e-mail addresses. 0: never.",
        examples=["90"],
    )
    history_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        400,
        description="Days after which settled webhooks and their attempts are deleted. 0: never.",
        examples=["400"],
    )
    public_url: str | None = Field(
        None,
        description="The notification endpoint's URL as Zeus calls it, without RELAY_NOTIFY_TOKEN. The end of its certificate is watched, "
        "and `zeus-relay doctor` looks at it from outside.",
        examples=["https://pay.shop.example/zeus/notify"],
    )
    alert_url: SecretStr | None = Field(
        None,
        description="Where alerts are posted as Slack takes them, for sites without Prometheus; https:// or http://.",
        examples=["https://hooks.example/services/T000/B000/XXXX"],
    )
    otlp_endpoint: str | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector that takes OTLP over HTTP; each call is one trace up to its webhooks, "
        "which then carry a traceparent header. Needs the extra otel.",
        examples=["http://collector.example:4318"],
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="How much is logged.", examples=["INFO"]
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="One JSON object a line, or text; auto writes text on a terminal and JSON elsewhere.",
        examples=["json"],
    )

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources, the first first, without the variables that Kubernetes makes."""
        if isinstance(env_settings, EnvSettingsSource):
            made = {name.lower() for name in service_variables()}
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if name.lower() not in made
            }
        return init_settings, env_settings, dotenv_settings, file_secret_settings

    @field_validator("database_url")
    @classmethod
    def _is_postgres(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            read_database_url(value.get_secret_value())
        return value

    @field_validator("subscriber_proxy")
    @classmethod
    def _is_proxy(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            parts = urlsplit(value.get_secret_value())
            if parts.scheme != "http" or not parts.hostname or parts.path not in ("", "/"):
                raise ValueError("must be an http:// URL with a host and nothing behind its port")
        return value

    @field_validator("public_url", "alert_url", "otlp_endpoint")
    @classmethod
    def _is_web_url(cls, value: str | SecretStr | None) -> str | SecretStr | None:
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if text is not None:
            parts = urlsplit(text)
            if parts.scheme not in ("https", "http") or not parts.hostname or parts.fragment:
                raise ValueError("must be an https:// or http:// URL with a host and without #")
        return value

    @field_validator("notify_path")
    @classmethod
    def _is_path(cls, value: str) -> str:
        if not re.fullmatch(r"(/[0-9A-Za-z._~-]+)+", value):
            raise ValueError(
                "must begin with / and hold only letters, digits and . _ ~ - between slashes"
            )
        if value.lower() in ("/healthz", "/readyz"):
            raise ValueError("is taken by the health check")
        return value

    @field_validator("notify_token")
    @classmethod
    def _is_url_token(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and not re.fullmatch(r"[0-9A-Za-z_-]{16,}", value.get_secret_value()):
            raise ValueError("needs at least 16 characters, only letters, digits, - and _")
        return value

    @field_validator("ip_codes")
    @classmethod
    def _are_ip_codes(cls, value: list[str]) -> list[str]:
        for code in value:
            if not re.fullmatch(r"[0-9]{10}", code):
                raise ValueError(f"{code!r} is not 10 digits")
        return value

    @field_validator("admin_token")
    @classmethod
    def _is_long(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None and len(value.get_secret_value()) < 20:
            raise ValueError("needs at least 20 characters")
        return value

    @field_validator("secret_keys")
    @classmethod
    def _are_fernet_keys(cls, value: list[SecretStr]) -> list[SecretStr]:
        for key in value:
            try:
                Fernet(key.get_secret_value())
            except ValueError:
                raise ValueError(
                    "each key must be 32 bytes in URL-safe base64, as `zeus-relay keygen` prints"
                ) from None
        return value

    @model_validator(mode="after")
    def _has_names_once(self) -> Self:
        names = [subscriber.name for subscriber in self.subscribers]
        if len(names) != len(set(names)):
            raise ValueError(f"{PREFIX}SUBSCRIBERS: a name stands there twice")
        return self

    @property
    def embedded(self) -> bool:
        """Whether the service runs its own Postgres in `data_dir`."""
        return self.database_url is None

    @property
    def spool_path(self) -> Path:
        """The spool's directory."""
        return self.spool_dir or self.data_dir / "spool"
