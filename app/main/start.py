"""Starting: from settings to running roles."""

import asyncio
import ipaddress
from collections.abc import Awaitable, Callable, Sequence

from pydantic import SecretStr

from app.db.embedded import start_embedded
from app.db.engine import make_engine, make_sessions
from app.db.migrations import migrate
from app.events.signature import new_secret
from app.forwarding.secrets import Vault
from app.logs import configure_logs, get_logger
from app.main.demo_role import DemoRole
from app.main.health_role import HealthRole
from app.main.operator_role import OperatorRole
from app.main.receiver_role import ReceiverRole
from app.main.roles import Role, run_roles
from app.main.worker_role import WorkerRole
from app.operating.checks import UrlRules
from app.operating.declared import apply_declared
from app.operating.keys import TOKEN_FILE, admin_token_of, vault_of
from app.settings import DeclaredSubscriber, Settings

log = get_logger("main")

Main = Callable[[Settings, str], Awaitable[None]]


def start(settings: Settings, main: Main) -> None:
    """Run `main` with the settings and the database's URL, on uvloop where there is one; the embedded Postgres is started if need be."""
    configure_logs(settings.log_level, settings.log_format)
    url = start_embedded(settings.data_dir) if settings.database_url is None else settings.database_url.get_secret_value()
    with asyncio.Runner(loop_factory=_fast_loop()) as runner:
        runner.run(_awaited(main, settings, url))


async def run_up(settings: Settings, url: str) -> None:
    """Everything in one process: migrations, then every role. The order of stopping is that of the list: Zeus's side first."""
    await run_roles(await everything(settings, url))


async def everything(settings: Settings, url: str) -> tuple[ReceiverRole, WorkerRole, OperatorRole]:
    """Every role, not yet running, on a migrated database."""
    vault = vault_of(settings)
    token = admin_token_of(settings)
    receiver = ReceiverRole(settings, url)
    operator = OperatorRole(settings, url, vault, token)
    await migrate(url)
    await declare_subscribers(settings, url, vault)
    return receiver, WorkerRole(settings, url, vault), operator


async def run_demo(settings: Settings, url: str) -> None:
    """As `run_up`, with a sample subscriber that verifies and prints what it gets, and a simulated Zeus that calls."""
    secret = new_secret()
    demo = DemoRole(secret)
    sample = DeclaredSubscriber(name="demo", url=demo.subscriber_url, secret=SecretStr(secret))
    loopback = ipaddress.ip_network("127.0.0.0/8")
    settings = settings.model_copy(
        update={
            "subscribers": [*settings.subscribers, sample],
            "allow_http_subscribers": True,
            "subscriber_networks": [*settings.subscriber_networks, loopback],
            "allowed_sources": [*settings.allowed_sources, loopback],
        }
    )
    receiver, worker, operator = await everything(settings, url)
    demo.notify_url = receiver.url
    demo.clientip = next(iter(settings.ip_codes), None)
    token = "RELAY_ADMIN_TOKEN" if settings.admin_token else f"token in {settings.data_dir / TOKEN_FILE}"
    demo.addresses = {"notification endpoint": receiver.url, "API": f"{operator.url}/v1  ({token})", "metrics": f"{operator.url}/metrics"}
    await run_roles([receiver, worker, operator, demo])


async def run_receive(settings: Settings, url: str) -> None:
    """The receiver alone."""
    await run_roles(with_health(settings, [ReceiverRole(settings, url)]))


async def run_work(settings: Settings, url: str) -> None:
    """A worker alone."""
    vault = vault_of(settings)
    await declare_subscribers(settings, url, vault)
    await run_roles(with_health(settings, [WorkerRole(settings, url, vault)]))


async def run_operate(settings: Settings, url: str) -> None:
    """The operator's side alone."""
    vault = vault_of(settings)
    await declare_subscribers(settings, url, vault)
    await run_roles([OperatorRole(settings, url, vault, admin_token_of(settings))])


async def declare_subscribers(settings: Settings, url: str, vault: Vault) -> None:
    """Apply RELAY_SUBSCRIBERS, if it is set."""
    if not settings.subscribers:
        return
    engine = make_engine(url, pool_size=1, application="zeus-relay start")
    try:
        await apply_declared(make_sessions(engine), vault, settings.subscribers, UrlRules.of(settings))
    finally:
        await engine.dispose()


def with_health(settings: Settings, roles: Sequence[Role]) -> list[Role]:
    """The roles, and health and metrics beside them if RELAY_METRICS_PORT is set; they stop last."""
    if settings.metrics_port is None:
        return list(roles)
    return [*roles, HealthRole(settings.operator_host, settings.metrics_port)]


async def _awaited(main: Main, settings: Settings, url: str) -> None:
    await main(settings, url)


def _fast_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    try:
        import uvloop
    except ImportError:  # Windows
        return None
    return uvloop.new_event_loop
