"""Settings of the database and of recording calls."""

import ipaddress
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.settings.kinds import Duration, Networks, Size
from app.settings.validators import NotifyPath, PostgresUrl, UrlToken


class RecordingSettings(BaseModel):
    """Settings of the database, and of calls until they are recorded."""

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
