"""Dependencies of the console's pages.

A module of its own, because pages and middleware both import it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.console.http.sign_in_limiter import SignInLimiter
from app.console.views.effective_settings import ShownSetting
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.network.allowed_sources import SourceCheck
from app.operations.access.tokens import Tokens
from app.operations.monitoring.overview import Overviews
from app.operations.subscribers.validation import UrlRules


@dataclass(frozen=True, slots=True)
class ConsoleDependencies:
    """Database, vault, tokens, overviews, URL rules, proxy check and settings for the pages."""

    sessions: Sessions
    vault: Vault
    tokens: Tokens
    overviews: Overviews
    rules: UrlRules
    source_check: SourceCheck
    settings: Sequence[ShownSetting] = ()
    sign_in_limiter: SignInLimiter = field(default_factory=SignInLimiter)
