"""What walking through every route of the API needs: something that each route can act on, and what the tables hold."""

from collections.abc import Iterator
from typing import Any

from app.clock import now, uuid7
from app.db.tables.jobs import RecoveryJobRow
from app.db.tables.notices import RejectedSampleRow
from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken, create_token
from tests.api.api_client import Api
from tests.operations.operations_setup import ADMIN, ORDER_NO, SOURCE, USUAL, OperationsSetup

TABLES = (
    "notices",
    "rejected_samples",
    "orders",
    "events",
    "subscribers",
    "subscriber_secrets",
    "outbound_webhooks",
    "attempts",
    "operator_tokens",
    "audit_entries",
    "idempotent_answers",
    "recovery_jobs",
)
BODIES: dict[str, Any] = {
    "add_subscriber": {"name": "new", "url": "https://new.example/"},
    "change_subscriber": {"customer": True},
    "start_recovery": {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"},
    "recover_outbound_webhooks": {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"},
    "send_test_webhook": {"wait_seconds": 0},
    "dismiss_notice": {"reason": "a test call"},
    "dismiss_rejected_sample": {"reason": "a test call"},
    "dismiss_outbound_webhook": {"reason": "an old shop"},
    "create_token": {"name": "mori", "role": "viewer"},
}
Names = dict[str, dict[str, Any]]


def operations(api: Api) -> Iterator[tuple[str, str, str]]:
    """Method, path and operation id of every route; what removes something comes last, because it is needed before."""
    found = [
        (method.upper(), path, operation["operationId"])
        for path, methods in api.document["paths"].items()
        for method, operation in methods.items()
    ]
    yield from sorted(
        found, key=lambda operation: operation[0] == "DELETE" or operation[2].startswith("erase_")
    )


async def sample(world: OperationsSetup) -> Any:
    """A rejected sample of a usual call; its id."""
    sample_id = uuid7()
    query = "&".join(
        f"{name}={value}" for name, value in {**USUAL, "username": "", "status": "04"}.items()
    ).encode()
    row = RejectedSampleRow(
        id=sample_id,
        lane=1,
        received_at=now(),
        source=SOURCE,
        method="GET",
        target=b"/zeus/notify?" + query,
        headers=b"",
        body=b"",
    )
    async with world.sessions.begin() as session:
        session.add(row)
    return sample_id


async def recovery(world: OperationsSetup) -> Any:
    """A recovery that nobody has begun yet; its id."""
    job_id = uuid7()
    [shop] = await world.rows("SELECT id FROM subscribers")
    moments = {"since": now(), "until": now(), "created_by": "kato"}
    async with world.sessions.begin() as session:
        session.add(
            RecoveryJobRow(
                id=job_id,
                subscriber_id=shop.id,
                event_types=[],
                scope="undelivered",
                total=0,
                cursor=job_id,
                **moments,
            )
        )
    return job_id


async def token(world: OperationsSetup, name: str, role: Role) -> str:
    """A new token of this name and role."""
    return (await create_token(world.sessions, NewToken(name=name, role=role), ADMIN)).token


async def filled(world: OperationsSetup) -> Names:
    """Fill the tables, and return what the paths of the API can name: for some operations their own, else that of `*`."""
    await world.add()
    await world.judged("01", "04")
    first, second = await world.call("04", "05", clientip="2012999999")
    await world.judge("2012000001")
    await world.run("UPDATE outbound_webhooks SET state = 'dead'")
    webhook_ids = [
        row.id for row in await world.rows("SELECT id FROM outbound_webhooks ORDER BY id")
    ]
    await token(world, "clerk", Role.VIEWER)
    usual = {
        "name": "shop",
        "order_no": ORDER_NO,
        "notice_id": first,
        "event_id": (await world.rows("SELECT id FROM events"))[0].id,
        "webhook_id": webhook_ids[0],
        "sample_id": await sample(world),
        "recovery_id": await recovery(world),
    }
    return {
        "*": usual,
        "dismiss_notice": {"notice_id": second},
        "dismiss_outbound_webhook": {"webhook_id": webhook_ids[1]},
        "dismiss_rejected_sample": {"sample_id": await sample(world)},
        "release_rejected_sample": {"sample_id": await sample(world)},
        "revoke_token": {"name": "clerk"},
    }


def address(path: str, operation: str, names: Names) -> str:
    """The path with its names filled in."""
    return path.format(**{**names["*"], **names.get(operation, {})})


async def contents(world: OperationsSetup) -> dict[str, list[Any]]:
    """Every row of every table."""
    return {table: await world.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
