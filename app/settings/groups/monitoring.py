"""Settings of retention, monitoring and logs."""

from typing import Annotated, Literal

from pydantic import BaseModel, Field

from app.settings.validators import SecretWebUrl, WebUrl


class MonitoringSettings(BaseModel):
    """Settings of retention, monitoring and logs."""

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
