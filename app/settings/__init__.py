"""Settings from environment variables, checked at the start.

Any layer above may import it.
"""

from app.settings.declared_subscribers import IN_FILES, DeclaredSubscriber
from app.settings.fields import PREFIX, Settings
from app.settings.kinds import Network, parse_duration
from app.settings.load import WrongSettings, load_settings, variable_of
from app.settings.service_links import service_variables

__all__ = [
    "IN_FILES",
    "PREFIX",
    "DeclaredSubscriber",
    "Network",
    "Settings",
    "WrongSettings",
    "load_settings",
    "parse_duration",
    "service_variables",
    "variable_of",
]
