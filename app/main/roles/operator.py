"""Operator role: the private listener with console, API, metrics and health."""

from collections.abc import Callable
from functools import partial

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.application import make_api
from app.console.application import make_console
from app.console.http.dependencies import ConsoleDependencies
from app.console.views.effective_settings import shown_settings
from app.crypto.vault import Vault
from app.db.checks.database import demand_usable
from app.db.engine import Sessions, make_engine, make_sessions
from app.db.notify import OUTBOUND, NotifyListener
from app.logs import get_logger
from app.main.process.listeners import HttpListener
from app.main.process.priority import let_receivers_go_first
from app.main.process.roles import run_roles, with_background
from app.main.roles.declared_subscribers import declare_subscribers
from app.main.roles.monitor import WatchRole
from app.main.roles.reference_keys import keep_reference_keys
from app.metrics import exposition
from app.network.allowed_sources import SourceCheck, Sources
from app.operations.access.generated_keys import admin_token_of, vault_of
from app.operations.access.tokens import Tokens
from app.operations.applications.applicant import applicant_of
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.overview import Overviews
from app.operations.operational_test.background import TestSender
from app.operations.reviews.settlement import DecisionRules
from app.operations.subscribers.validation import UrlRules
from app.settings import Settings

_API_PATHS = ("/v1", "/healthz", "/readyz", "/metrics")

log = get_logger("main")


class PrivateSide:
    """Routes each request to the API or the console, by its path."""

    def __init__(self, api: ASGIApp, console: ASGIApp) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Route the request."""
        path = scope.get("path", "")
        for_api = any(path == prefix or path.startswith(prefix + "/") for prefix in _API_PATHS)
        await (self._api if for_api else self._console)(scope, receive, send)


class OperatorRole:
    """Serves operators in the console and their scripts at the API."""

    name = "operator"

    def __init__(
        self,
        settings: Settings,
        url: str,
        vault: Vault,
        admin_token: str,
        *,
        exposition: Callable[[], bytes] = exposition,
    ) -> None:
        """Bind the private listener; raises CannotListen. /metrics shows an `exposition`."""
        self._engine = make_engine(url, application="zeus-relay operator")
        sessions = make_sessions(self._engine)
        self._notify_listener = NotifyListener(url, (OUTBOUND,))
        self._feed_wakeup = FeedWakeup(sessions)
        self._applicant = applicant_of(settings, sessions)
        self._keep_keys = partial(keep_reference_keys, settings, sessions, vault)
        self._test_sender = TestSender(sessions, self._applicant)
        api = make_api(
            sessions,
            vault,
            admin_token=admin_token,
            rules=UrlRules.of(settings),
            spool=settings.spool_path,
            feed_wakeup=self._feed_wakeup,
            decision_rules=DecisionRules.of(settings),
            uploads=settings.data_dir,
            applicant=self._applicant,
            support=settings.support_contact,
            exposition=exposition,
        )
        console = make_console(self._console_dependencies(settings, sessions, vault, admin_token))
        self._listener = HttpListener(
            PrivateSide(api, console), settings.operator_host, settings.operator_port
        )
        self.url = f"http://{self._listener.address}"
        log.info("listening", role=self.name, address=self._listener.address)

    def _console_dependencies(
        self, settings: Settings, sessions: Sessions, vault: Vault, admin_token: str
    ) -> ConsoleDependencies:
        return ConsoleDependencies(
            sessions=sessions,
            vault=vault,
            tokens=Tokens(sessions, admin_token),
            overviews=Overviews(sessions, settings.spool_path),
            rules=UrlRules.of(settings),
            source_check=SourceCheck(Sources((), tuple(settings.trusted_proxies))),
            settings=shown_settings(settings),
            uploads=settings.data_dir,
            decision_rules=DecisionRules.of(settings),
            applicant=self._applicant,
            support=settings.support_contact,
            test_sender=self._test_sender,
            mailbox_is_read=settings.reads_mailbox,
        )

    def stop(self) -> None:
        """Stop accepting. Requests in flight are answered, feed readers immediately."""
        self._feed_wakeup.close()
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        try:
            await with_background(
                self._listener.run(),
                self._notify_listener.run(),
                self._feed_wakeup.run(self._notify_listener),
                self._keep_keys(),
            )
            await self._test_sender.close()
            if self._applicant is not None:
                await self._applicant.close()
        finally:
            await self._engine.dispose()


async def run_operate(settings: Settings, url: str) -> None:
    """Run the operator role alone."""
    let_receivers_go_first()
    vault = vault_of(settings)
    await demand_usable(url, "operate")
    await declare_subscribers(settings, url, vault)
    await run_roles(
        [OperatorRole(settings, url, vault, admin_token_of(settings)), WatchRole(settings, url)]
    )
