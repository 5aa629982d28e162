"""Dependencies of the console's pages.

A module of its own, because pages and middleware both import it.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from app.applications.apply import Applicant
from app.console.http.sign_in_limiter import SignInLimiter
from app.console.views.effective_settings import ShownSetting
from app.crypto.vault import Vault
from app.db.engine import Sessions
from app.network.allowed_sources import SourceCheck
from app.operations.access.tokens import Tokens
from app.operations.exports.slots import ExportSlots
from app.operations.monitoring.overview import Overviews
from app.operations.operational_test.background import TestSender
from app.operations.reviews.settlement import DecisionRules
from app.operations.subscribers.validation import UrlRules


@dataclass(frozen=True, slots=True)
class ConsoleDependencies:
    """Objects that the pages share: database, vault, tokens, rules, settings and limits."""

    sessions: Sessions
    vault: Vault
    tokens: Tokens
    overviews: Overviews
    rules: UrlRules
    source_check: SourceCheck
    test_sender: TestSender
    settings: Sequence[ShownSetting] = ()
    decision_rules: DecisionRules = field(default_factory=DecisionRules)
    sign_in_limiter: SignInLimiter = field(default_factory=SignInLimiter)
    export_slots: ExportSlots = field(default_factory=ExportSlots)
    uploads: Path | None = None
    """Directory of uploaded files."""
    applicant: Applicant | None = None
    """None if the relay applies for no slips."""
    support: str | None = None
    """Contact that messages to customers name."""
    mailbox_is_read: bool = False
