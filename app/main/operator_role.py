"""The operator's side: the private listener with the console, the API, metrics and health."""

from app.api.application import make_api
from app.console.application import make_console
from app.console.origins import shown_settings
from app.console.parts import Parts
from app.db.engine import make_engine, make_sessions
from app.db.wakeup import OUTBOUND
from app.db.wakeup import Listener as WakeListener
from app.forwarding.secrets import Vault
from app.logs import get_logger
from app.main.declared import declare_subscribers
from app.main.listeners import Listener
from app.main.private_side import PrivateSide
from app.main.roles import run_roles, with_background
from app.main.watch_role import WatchRole
from app.operating.checks import UrlRules
from app.operating.keys import admin_token_of, vault_of
from app.operating.overview import Overviews
from app.operating.tide import Tide
from app.operating.tokens import Tokens
from app.receiving.sources import Door, Sources
from app.settings import Settings

log = get_logger("main")


class OperatorRole:
    """Serves operators and their scripts."""

    name = "operator"

    def __init__(self, settings: Settings, url: str, vault: Vault, admin_token: str) -> None:
        """Bind the private listener; raises CannotListen."""
        self._engine = make_engine(url, application="zeus-relay operator")
        sessions, rules = make_sessions(self._engine), UrlRules.of(settings)
        self._wakes = WakeListener(url, (OUTBOUND,))
        self._tide = Tide(sessions)
        api = make_api(sessions, vault, admin_token=admin_token, rules=rules, spool=settings.spool_path, tide=self._tide)
        console = make_console(
            Parts(
                sessions=sessions,
                vault=vault,
                tokens=Tokens(sessions, admin_token),
                overviews=Overviews(sessions, settings.spool_path),
                rules=rules,
                door=Door(Sources((), tuple(settings.trusted_proxies))),
                settings=shown_settings(settings),
            )
        )
        self._listener = Listener(PrivateSide(api, console), settings.operator_host, settings.operator_port)
        self.url = f"http://{self._listener.address}"
        log.info("listening", role=self.name, address=self._listener.address)

    def stop(self) -> None:
        """Stop accepting; requests in flight are answered, those that wait for events at once."""
        self._tide.close()
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        try:
            await with_background(self._listener.run(), self._wakes.run(), self._tide.run(self._wakes))
        finally:
            await self._engine.dispose()


async def run_operate(settings: Settings, url: str) -> None:
    """The operator's side alone."""
    vault = vault_of(settings)
    await declare_subscribers(settings, url, vault)
    await run_roles([OperatorRole(settings, url, vault, admin_token_of(settings)), WatchRole(settings, url)])
