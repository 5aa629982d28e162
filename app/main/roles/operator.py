"""The operator's side: the private listener with the console, the API, metrics and health."""

from starlette.types import ASGIApp, Receive, Scope, Send

from app.api.application import make_api
from app.console.application import make_console
from app.console.http.dependencies import ConsoleDependencies
from app.console.views.effective_settings import shown_settings
from app.crypto.vault import Vault
from app.db.checks.database import demand_usable
from app.db.engine import make_engine, make_sessions
from app.db.notify import OUTBOUND
from app.db.notify import NotifyListener as WakeListener
from app.logs import get_logger
from app.main.process.listeners import HttpListener
from app.main.process.roles import run_roles, with_background
from app.main.roles.declared_subscribers import declare_subscribers
from app.main.roles.monitor import WatchRole
from app.network.allowed_sources import SourceCheck, Sources
from app.operations.access.generated_keys import admin_token_of, vault_of
from app.operations.access.tokens import Tokens
from app.operations.feed.wakeup import FeedWakeup
from app.operations.monitoring.overview import Overviews
from app.operations.subscribers.validation import UrlRules
from app.settings import Settings

_OF_THE_API = ("/v1", "/healthz", "/readyz", "/metrics")


class PrivateSide:
    """Hands each request to the API or to the console, by its path."""

    def __init__(self, api: ASGIApp, console: ASGIApp) -> None:
        self._api = api
        self._console = console

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on."""
        path = scope.get("path", "")
        of_the_api = any(path == prefix or path.startswith(prefix + "/") for prefix in _OF_THE_API)
        await (self._api if of_the_api else self._console)(scope, receive, send)


log = get_logger("main")


class OperatorRole:
    """Serves operators and their scripts."""

    name = "operator"

    def __init__(self, settings: Settings, url: str, vault: Vault, admin_token: str) -> None:
        """Bind the private listener; raises CannotListen."""
        self._engine = make_engine(url, application="zeus-relay operator")
        sessions, rules = make_sessions(self._engine), UrlRules.of(settings)
        self._wakes = WakeListener(url, (OUTBOUND,))
        self._tide = FeedWakeup(sessions)
        api = make_api(
            sessions,
            vault,
            admin_token=admin_token,
            rules=rules,
            spool=settings.spool_path,
            tide=self._tide,
        )
        console = make_console(
            ConsoleDependencies(
                sessions=sessions,
                vault=vault,
                tokens=Tokens(sessions, admin_token),
                overviews=Overviews(sessions, settings.spool_path),
                rules=rules,
                source_check=SourceCheck(Sources((), tuple(settings.trusted_proxies))),
                settings=shown_settings(settings),
            )
        )
        self._listener = HttpListener(
            PrivateSide(api, console), settings.operator_host, settings.operator_port
        )
        self.url = f"http://{self._listener.address}"
        log.info("listening", role=self.name, address=self._listener.address)

    def stop(self) -> None:
        """Stop accepting; requests in flight are answered, those that wait for events at once."""
        self._tide.close()
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        try:
            await with_background(
                self._listener.run(), self._wakes.run(), self._tide.run(self._wakes)
            )
        finally:
            await self._engine.dispose()


async def run_operate(settings: Settings, url: str) -> None:
    """The operator's side alone."""
    vault = vault_of(settings)
    await demand_usable(url, "operate")
    await declare_subscribers(settings, url, vault)
    await run_roles(
        [OperatorRole(settings, url, vault, admin_token_of(settings)), WatchRole(settings, url)]
    )
