"""`zeus-relay demo`: every role, a sample subscriber and a simulated Zeus in one process."""

import ipaddress

from pydantic import SecretStr

from app.db.migrations import migrate
from app.events.signature import new_secret
from app.main.process.roles import run_roles
from app.main.roles.declared_subscribers import declare_subscribers
from app.main.roles.demo import DemoRole
from app.main.roles.monitor import WatchRole
from app.main.roles.operator import OperatorRole
from app.main.roles.receiver import ReceiverRole
from app.main.roles.simulator import SimulatorRole, simulator_port
from app.main.roles.worker import WorkerRole
from app.operations.access.generated_keys import TOKEN_FILE, admin_token_of, vault_of
from app.settings import DeclaredSubscriber, Settings
from app.simulator.state.settings import SimulatorSettings


async def run_demo(settings: Settings, url: str) -> None:
    """Run every role, a sample subscriber that prints webhooks and a simulated Zeus that calls.

    The simulator listens on SIMULATOR_PORT (default 8002), so that a shop can apply.
    """
    secret = new_secret()
    demo = DemoRole(secret)
    sample = DeclaredSubscriber(name="demo", url=demo.subscriber_url, secret=SecretStr(secret))
    loopback = ipaddress.ip_network("127.0.0.0/8")
    codes = settings.ip_codes or list(SimulatorSettings().clientips)
    simulator = SimulatorRole(tuple(codes), simulator_port())
    settings = settings.model_copy(
        update={
            "subscribers": [*settings.subscribers, sample],
            "allow_http_subscribers": True,
            "subscriber_networks": [*settings.subscriber_networks, loopback],
            "allowed_sources": [*settings.allowed_sources, loopback],
            "application_url": simulator.application_url,
            "ip_codes": codes,
        }
    )
    receiver, worker, operator = await _everything(settings, url)
    simulator.call(receiver.url)
    demo.notify_url = receiver.url
    demo.clientip = next(iter(codes))
    token = (
        "RELAY_ADMIN_TOKEN"
        if settings.admin_token
        else f"token in {settings.data_dir / TOKEN_FILE}"
    )
    demo.addresses = {
        "notification endpoint": receiver.url,
        "console": f"{operator.url}/  ({token})",
        "API": f"{operator.url}/v1  (the same token)",
        "metrics": f"{operator.url}/metrics",
        "simulator": f"{simulator.url}/  (applications: {simulator.application_url})",
    }
    await run_roles([receiver, worker, operator, WatchRole(settings, url), demo, simulator])


async def _everything(
    settings: Settings, url: str
) -> tuple[ReceiverRole, WorkerRole, OperatorRole]:
    """Return every role on a migrated database, not yet running.

    The receiver listens first, so that the kernel holds early calls.
    """
    vault = vault_of(settings)
    token = admin_token_of(settings)
    receiver = ReceiverRole(settings, url)
    operator = OperatorRole(settings, url, vault, token)
    await migrate(url)
    await declare_subscribers(settings, url, vault)
    worker = WorkerRole(settings, url, vault)
    receiver.on_recorded(worker.wake_judging)
    return receiver, worker, operator
