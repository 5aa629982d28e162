"""The operator's side: the private listener with the API, metrics and health."""

from app.api.application import make_api
from app.db.engine import make_engine, make_sessions
from app.forwarding.secrets import Vault
from app.logs import get_logger
from app.main.declared import declare_subscribers
from app.main.listeners import Listener
from app.main.roles import run_roles
from app.operating.checks import UrlRules
from app.operating.keys import admin_token_of, vault_of
from app.settings import Settings

log = get_logger("main")


class OperatorRole:
    """Serves operators and their scripts."""

    name = "operator"

    def __init__(self, settings: Settings, url: str, vault: Vault, admin_token: str) -> None:
        """Bind the private listener; raises CannotListen."""
        self._engine = make_engine(url, application="zeus-relay operator")
        application = make_api(make_sessions(self._engine), vault, admin_token=admin_token, rules=UrlRules.of(settings))
        self._listener = Listener(application, settings.operator_host, settings.operator_port)
        self.url = f"http://{self._listener.address}"
        log.info("listening", role=self.name, address=self._listener.address)

    def stop(self) -> None:
        """Stop accepting; requests in flight are answered."""
        self._listener.stop()

    async def run(self) -> None:
        """Answer until stopped."""
        try:
            await self._listener.run()
        finally:
            await self._engine.dispose()


async def run_operate(settings: Settings, url: str) -> None:
    """The operator's side alone."""
    vault = vault_of(settings)
    await declare_subscribers(settings, url, vault)
    await run_roles([OperatorRole(settings, url, vault, admin_token_of(settings))])
