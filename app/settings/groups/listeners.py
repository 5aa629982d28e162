"""Settings of the listeners, the admin token and the secret keys."""

from pydantic import BaseModel, Field

from app.settings.kinds import Port
from app.settings.validators import FernetKeys, LongToken


class ListenerSettings(BaseModel):
    """Settings of the listeners, and of what protects the private one."""

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
