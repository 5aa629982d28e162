"""What the pages work with."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.console.origins import ShownSetting
from app.console.throttle import SignInThrottle
from app.db.engine import Sessions
from app.forwarding.secrets import Vault
from app.operating.checks import UrlRules
from app.operating.overview import Overviews
from app.operating.tokens import Tokens
from app.receiving.sources import Door


@dataclass(frozen=True, slots=True)
class Parts:
    """The database, the vault, who may sign in, how things stand, what URLs may be, who calls behind proxies, the settings to show."""

    sessions: Sessions
    vault: Vault
    tokens: Tokens
    overviews: Overviews
    rules: UrlRules
    door: Door
    settings: Sequence[ShownSetting] = ()
    throttle: SignInThrottle = field(default_factory=SignInThrottle)
