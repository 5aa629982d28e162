"""Settings of webhooks: where they may go, and when they are sent again."""

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, Field

from app.settings.declared_subscribers import DeclaredSubscriber
from app.settings.kinds import Duration, Durations, Networks, parse_duration
from app.settings.validators import ProxyUrl


class DeliverySettings(BaseModel):
    """Settings of webhooks to subscribers."""

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
