"""All settings: the groups together, and what depends on several of them."""

from pathlib import Path
from typing import Self

from pydantic import model_validator
from pydantic_settings import SettingsConfigDict

from app.settings.groups.applications import ApplicationSettings
from app.settings.groups.delivery import DeliverySettings
from app.settings.groups.listeners import ListenerSettings
from app.settings.groups.mails import MailSourceSettings
from app.settings.groups.monitoring import MonitoringSettings
from app.settings.groups.orders import OrderSettings
from app.settings.groups.recording import RecordingSettings
from app.settings.sources import SettingsWithoutServices

PREFIX = "RELAY_"


# Pydantic lists the fields of the last class first: the reference begins with recording.
class Settings(
    MonitoringSettings,
    DeliverySettings,
    ListenerSettings,
    MailSourceSettings,
    ApplicationSettings,
    OrderSettings,
    RecordingSettings,
    SettingsWithoutServices,
):
    """All settings. Each field is the variable RELAY_<FIELD>.

    `description` is the text of the reference.
    """

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", extra="ignore", env_ignore_empty=True, frozen=True
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
