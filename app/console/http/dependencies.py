"""What the pages work with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.console.http.sign_in_limiter import SignInThrottle
from app.console.views.effective_settings import ShownSetting
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.network.allowed_sources import SourceCheck
from app.operations.access.tokens import Tokens
from app.operations.monitoring.overview import Overviews
from app.operations.subscribers.validation import UrlRules


@dataclass(frozen=True, slots=True)
class ConsoleDependencies:
    """The database, the vault, who may sign in, how things stand, what URLs may be, who calls behind proxies, the settings to show."""

    sessions: Sessions
    vault: Vault
    tokens: Tokens
    overviews: Overviews
    rules: UrlRules
    door: SourceCheck
    settings: Sequence[ShownSetting] = ()
    throttle: SignInThrottle = field(default_factory=SignInThrottle)
