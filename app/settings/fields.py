"""Every setting, with its type, default, description and example."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator
from pydantic_settings import SettingsConfigDict

from app.settings.declared_subscribers import DeclaredSubscriber
from app.settings.kinds import (
    Duration,
    Durations,
    Networks,
    Port,
    Size,
    parse_duration,
)
from app.settings.sources import SettingsWithoutServices
from app.settings.validators import (
    FernetKeys,
    IpCodes,
    LongToken,
    NotifyPath,
    PostgresUrl,
    ProxyUrl,
    SecretWebUrl,
    UrlToken,
    WebUrl,
)

PREFIX = "RELAY_"


class Settings(SettingsWithoutServices):
    """All settings. Each field is the variable RELAY_<FIELD>.

    `description` is the text of the reference.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True
    )

    database_url: PostgresUrl | None = Field(
        None,
        description="Postgres to use, several hosts allowed for failover. Unset: an embedded "
        "Postgres in RELAY_DATA_DIR.",
        examples=["postgresql://relay:password@db.example:5432/relay"],
    )
    data_dir: Path = Field(
        Path("data"),
        description="Directory of the embedded Postgres, of generated keys and, for a moment, of "
        "uploaded files.",
        examples=["/var/lib/zeus-relay"],
    )
    allowed_sources: Networks = Field(
        [ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1/128")],
        description="CIDRs that may call the notification endpoint. Zeus tells each merchant its "
        "addresses in confidence.",
        examples=["192.0.2.10/32,198.51.100.0/28"],
    )
    allowed_sources_file: Path | None = Field(
        None,
        description="File with more sources, one a line; # begins a comment. SIGHUP reloads it.",
        examples=["/etc/zeus-relay/sources"],
    )
    source_mode: Literal["enforce", "observe"] = Field(
        "enforce",
        description="enforce answers 403 to sources that are not allowed; observe records their "
        "calls too and reports them.",
        examples=["observe"],
    )
    trusted_proxies: Networks = Field(
        [],
        description="CIDRs of reverse proxies whose X-Forwarded-For is trusted.",
        examples=["203.0.113.5/32"],
    )
    stop_delay: Annotated[Duration, Field(le=timedelta(seconds=10))] = Field(
        timedelta(0),
        description="Time for which the receiver still accepts calls after SIGTERM while /readyz "
        "already answers 503, at most 10s. For load balancers that notice late.",
        examples=["5s"],
    )
    notify_path: NotifyPath = Field(
        "/zeus/notify", description="Path of the notification endpoint.", examples=["/zeus/notify"]
    )
    notify_token: UrlToken | None = Field(
        None,
        description="When set, the endpoint is RELAY_NOTIFY_PATH/<token> and nothing else.",
        examples=["k3VQ8mZ1xWb7Tn5cRj9uYd2L"],
    )
    answer_budget: Annotated[
        Duration, Field(ge=timedelta(milliseconds=500), le=timedelta(seconds=30))
    ] = Field(
        timedelta(seconds=5),
        description="Time within which a call is recorded and answered: 60 % of it for Postgres, "
        "the rest for the spool.",
        examples=["5s"],
    )
    spool_dir: Path | None = Field(
        None,
        description="Directory for calls while Postgres is away: a local disk that outlives the "
        "process. Unset: RELAY_DATA_DIR/spool.",
        examples=["/var/lib/zeus-relay/spool"],
    )
    spool_limit: Annotated[Size, Field(ge=1024 * 1024)] = Field(
        1024**3,
        description="Size limit of the spool directory: 1 GiB holds more than a million calls.",
        examples=["1GiB"],
    )
    when_unstorable: Literal["hold", "error"] = Field(
        "hold",
        description="For a call that neither Postgres nor the spool takes: hold leaves it "
        "unanswered past Zeus's 40 s, which Zeus may retry; error answers 503, which Zeus never "
        "retries. A held call is answered as soon as it is recorded.",
        examples=["hold"],
    )
    hold_limit: Annotated[int, Field(ge=0)] = Field(
        1_000,
        description="Calls held at the same time; beyond them the answer is 503.",
        examples=["1000"],
    )
    ip_codes: IpCodes = Field(
        [],
        description="The merchant's IPコード, 10 digits each. A call with any other one is "
        "quarantined. Unset: all are accepted.",
        examples=["2012000001"],
    )
    release_on: Literal["confirmed", "received"] = Field(
        "confirmed",
        description="Report of a payment that releases the goods with order.released: confirmed "
        "(05, 12) or received (04, 11), which the store can still take back.",
        examples=["received"],
    )
    expiry_grace: Duration = Field(
        timedelta(hours=24),
        description="Time after the last day to pay, by Japan's calendar, until an order without "
        "a payment is presumed expired.",
        examples=["24h"],
    )
    confirmation_due: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(days=10),
        description="Time in which a payment is usually confirmed. After it, a review asks why.",
        examples=["10d"],
    )
    sendid_scope: Literal["order", "none"] = Field(
        "order",
        description="What a sendid names. order: one purchase, so orders with the same one are "
        "related. none: something else.",
        examples=["none"],
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
        description="When set, the roles receive and work serve /metrics and health on "
        "RELAY_OPERATOR_HOST at this port; operate and up serve them on RELAY_OPERATOR_PORT "
        "anyway.",
        examples=["9100"],
    )
    admin_token: LongToken | None = Field(
        None,
        description="Bearer token of the API, at least 20 characters. Unset with the embedded "
        "Postgres: made once and kept in RELAY_DATA_DIR.",
        examples=["b1946ac92492d2347c6235b4d2611184"],
    )
    secret_keys: FernetKeys = Field(
        [],
        description="Fernet keys that encrypt webhook secrets at rest; the first encrypts, all "
        "decrypt. Unset with the embedded Postgres: made once and kept in RELAY_DATA_DIR.",
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
        description="PEM file of private certificate authorities for subscribers, beside those "
        "that the system trusts.",
        examples=["/etc/zeus-relay/private-ca.pem"],
    )
    subscriber_proxy: ProxyUrl | None = Field(
        None,
        description="Forward proxy for all webhooks: http://host:port, with user:password@ if it "
        "needs them. The proxy gets addresses that the relay has looked up and checked, never "
        "names.",
        examples=["http://proxy.example:3128"],
    )
    retry_schedule: Durations = Field(
        [
            parse_duration(d)
            for d in ("0s", "5s", "5m", "30m", "2h", "5h", "10h", "14h", "20h", "24h")
        ],
        description="Delay before each attempt, counted from the one before; after the last the "
        "webhook is dead.",
        examples=["0s,5s,5m,30m,2h,5h,10h,14h,20h,24h"],
    )
    order_hold: Duration = Field(
        timedelta(hours=1),
        description="Time for which an undelivered event delays later events of its order, for "
        "one subscriber, counted from its first attempt.",
        examples=["1h"],
    )
    pause_after: Annotated[Duration, Field(ge=timedelta(minutes=1))] = Field(
        timedelta(days=5),
        description="Time without a success after which a failing subscriber is paused. Its "
        "webhooks are kept.",
        examples=["5d"],
    )
    resume_rate: Annotated[int, Field(ge=1, le=10_000)] = Field(
        20,
        description="Webhooks a second for a resumed subscriber until its backlog is sent.",
        examples=["20"],
    )
    worker_concurrency: Annotated[int, Field(ge=1, le=5_000)] = Field(
        200,
        description="Webhooks that one worker sends concurrently. Attempts that take more than a "
        "second do not count; there may be five times as many of them.",
        examples=["200"],
    )
    worker_lease: Annotated[Duration, Field(ge=timedelta(seconds=1))] = Field(
        timedelta(seconds=60),
        description="Time without a sign of life after which other workers take over the webhooks "
        "of a worker.",
        examples=["60s"],
    )
    subscribers: list[DeclaredSubscriber] = Field(
        [],
        description="Subscribers declared as JSON, applied by name at every start. Every option "
        "of `subscribers add` can be declared.",
        examples=[
            '[{"name":"shop","url":"https://shop.example/hooks",'
            '"events":["payment.received"],"secret":"whsec_..."}]'
        ],
    )
    personal_data_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        90,
        description="Days after which personal data is erased: raw calls, names, telephone "
        "numbers, e-mail addresses. 0: never.",
        examples=["90"],
    )
    history_days: Annotated[int, Field(ge=0, le=36_500)] = Field(
        400,
        description="Days after which settled webhooks, their attempts and reconciliations are "
        "deleted. 0: never.",
        examples=["400"],
    )
    public_url: WebUrl | None = Field(
        None,
        description="The notification endpoint's URL as Zeus calls it, without "
        "RELAY_NOTIFY_TOKEN. The expiry of its certificate is monitored, and `zeus-relay doctor` "
        "checks it from outside.",
        examples=["https://pay.shop.example/zeus/notify"],
    )
    alert_url: SecretWebUrl | None = Field(
        None,
        description="URL that receives alerts in Slack's format, for sites without Prometheus; "
        "https:// or http://.",
        examples=["https://hooks.example/services/T000/B000/XXXX"],
    )
    otlp_endpoint: WebUrl | None = Field(
        None,
        description="Base URL of an OpenTelemetry collector that takes OTLP over HTTP; each call "
        "is one trace up to its webhooks, which then carry a traceparent header. Needs the extra "
        "otel.",
        examples=["http://collector.example:4318"],
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "INFO", description="Lowest level that is logged.", examples=["INFO"]
    )
    log_format: Literal["auto", "json", "text"] = Field(
        "auto",
        description="One JSON object a line, or text; auto writes text on a terminal and JSON "
        "elsewhere.",
        examples=["json"],
    )

    @model_validator(mode="after")
    def _has_names_once(self) -> Self:
        names = [subscriber.name for subscriber in self.subscribers]
        if len(names) != len(set(names)):
            raise ValueError(f"{PREFIX}SUBSCRIBERS: two subscribers have the same name")
        return self

    @property
    def embedded(self) -> bool:
        """Return True when the service runs its own Postgres in `data_dir`."""
        return self.database_url is None

    @property
    def spool_path(self) -> Path:
        """Return the spool directory."""
        return self.spool_dir or self.data_dir / "spool"
