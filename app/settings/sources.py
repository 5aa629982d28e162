"""Sources of settings: the environment and .env, without variables of Kubernetes services.

A module of its own, since the fields fill theirs.
"""

from pydantic_settings import BaseSettings, EnvSettingsSource, PydanticBaseSettingsSource

from app.settings.service_links import service_variables


class SettingsWithoutServices(BaseSettings):
    """Settings that ignore the variables that Kubernetes adds for services."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Return the sources by priority, without the variables that Kubernetes adds."""
        if isinstance(env_settings, EnvSettingsSource):
            for_services = {name.lower() for name in service_variables()}
            env_settings.env_vars = {
                name: value
                for name, value in env_settings.env_vars.items()
                if name.lower() not in for_services
            }
        return init_settings, env_settings, dotenv_settings, file_secret_settings
