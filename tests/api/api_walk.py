"""Walk through every route of the API: data for each route, and contents of the tables."""

import io
from collections.abc import Iterator
from itertools import count
from typing import Any

from app.clock import now, uuid7
from app.db.lanes import lane_of
from app.db.tables.applications import ApplicationRow
from app.db.tables.jobs import RecoveryJobRow
from app.db.tables.notices import RejectedSampleRow
from app.db.tables.reviews import ReviewRow
from app.operations.access.permissions import Role
from app.operations.access.tokens import NewToken, create_token
from app.operations.reconciliations.reconciliations import start_reconciliation
from tests.api.api_client import Api
from tests.applications.application_setup import checked, request_json
from tests.operations.operations_setup import (
    ADMIN,
    CALL_VALUES,
    ORDER_NO,
    SOURCE,
    OperationsSetup,
)

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
    "reviews",
    "review_notes",
    "unwanted",
    "reconciliations",
    "reconciliation_rows",
    "applications",
    "mails",
)
SAMPLE_LANE = 1
BODIES: dict[str, Any] = {
    "add_subscriber": {"name": "new", "url": "https://new.example/"},
    "change_subscriber": {"customer": True},
    "start_recovery": {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"},
    "recover_outbound_webhooks": {"subscriber": "shop", "since": "2020-01-01T00:00:00Z"},
    "send_test_webhook": {"wait_seconds": 0},
    "dismiss_notice": {"reason": "a test call"},
    "dismiss_rejected_sample": {"reason": "a test call"},
    "dismiss_outbound_webhook": {"reason": "an old shop"},
    "settle_review": {"settlement": "release", "note": "asked Zeus"},
    "add_review_note": {"text": "asked Zeus"},
    "apply_for_slip": request_json(),
    "resolve_application": {"outcome": "failed"},
    "create_token": {"name": "mori", "role": "viewer"},
}
FILES: dict[str, bytes] = {
    "start_reconciliation": b"order_no,status,money\nA-1,04,5400\n",
    "hand_in_mails": b"Subject: hello\n\nhello\n",
}
"""Bodies that are not JSON."""
HEADERS: dict[str, dict[str, str]] = {"apply_for_slip": {"idempotency-key": "walk"}}
"""Headers that a route needs."""
Names = dict[str, dict[str, Any]]


def body_of(operation: str) -> dict[str, Any]:
    """Return the body of a request as options of the HTTP client."""
    if operation in FILES:
        return {"data": FILES[operation], "headers": {"content-type": "text/csv"}}
    return {"json": BODIES.get(operation), "headers": HEADERS.get(operation)}


def operations(api: Api) -> Iterator[tuple[str, str, str]]:
    """Yield method, path and operation id of every route. Removals and erasures come last."""
    found = [
        (method.upper(), path, operation["operationId"])
        for path, methods in api.document["paths"].items()
        for method, operation in methods.items()
    ]
    yield from sorted(
        found, key=lambda operation: operation[0] == "DELETE" or operation[2].startswith("erase_")
    )


async def sample(setup: OperationsSetup) -> Any:
    """Record a rejected sample of a valid call. Return its id."""
    sample_id = uuid7()
    query = "&".join(
        f"{name}={value}" for name, value in {**CALL_VALUES, "username": "", "status": "04"}.items()
    ).encode()
    row = RejectedSampleRow(
        id=sample_id,
        lane=SAMPLE_LANE,
        received_at=now(),
        source=SOURCE,
        method="GET",
        target=b"/zeus/notify?" + query,
        headers=b"",
        body=b"",
    )
    async with setup.sessions.begin() as session:
        session.add(row)
    return sample_id


async def recovery(setup: OperationsSetup) -> Any:
    """Record a recovery that no worker has started. Return its id."""
    job_id = uuid7()
    [shop] = await setup.rows("SELECT id FROM subscribers")
    moments = {"since": now(), "until": now(), "created_by": "kato"}
    async with setup.sessions.begin() as session:
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


async def review(setup: OperationsSetup) -> Any:
    """Record an open review that holds no goods. Return its id."""
    review_id = uuid7()
    row = ReviewRow(id=review_id, reason="sendid_shared", order_no=ORDER_NO, cycle=1, details={})
    async with setup.sessions.begin() as session:
        session.add(row)
    return review_id


async def reconciliation(setup: OperationsSetup) -> Any:
    """Record a reconciliation that no worker has started. Return its id."""
    file = io.BytesIO(FILES["start_reconciliation"])
    return (await start_reconciliation(setup.sessions, file, ADMIN)).id


async def application(setup: OperationsSetup) -> Any:
    """Record an application whose outcome is not known. Return its id."""
    application_id = uuid7()
    values = checked(sendid="A-9999")
    row = ApplicationRow(
        id=application_id,
        key=str(application_id),
        request_hash=values.digest,
        created_by="shop",
        state="unknown",
        clientip=values.clientip,
        money=values.money,
        pay_cvs=values.pay_cvs,
        sendid=values.sendid,
        sendpoint="",
        customer=dict(values.customer),
        form=b"",
        sent_at=now(),
    )
    async with setup.sessions.begin() as session:
        session.add(row)
    return application_id


async def mail(setup: OperationsSetup) -> Any:
    """Record a mail whose call has not come. Return its id.

    Its order is in a lane where no released call waits to be judged: that would come first.
    """
    mail_id = uuid7()
    busy = {lane_of(ORDER_NO), SAMPLE_LANE}
    order_no = next(
        name for number in count() if lane_of(name := f"M-{number}-{mail_id}") not in busy
    )
    await setup.run(
        "INSERT INTO mails (id, hash, via, raw, size, state, believed, kind, status, order_no)"
        f" VALUES ('{mail_id}', '\\x{mail_id.hex}', 'import', '', 0, 'missing', true, 'paid',"
        f" '04', '{order_no}')"
    )
    return mail_id


async def token(setup: OperationsSetup, name: str, role: Role) -> str:
    """Create a token and return it."""
    return (await create_token(setup.sessions, NewToken(name=name, role=role), ADMIN)).token


async def filled(setup: OperationsSetup) -> Names:
    """Fill the tables. Return the values for paths: `*` for all operations, or per operation."""
    await setup.add()
    await setup.judged("01", "04")
    first, second = await setup.call("04", "05", clientip="2012999999")
    await setup.judge("2012000001")
    await setup.run("UPDATE outbound_webhooks SET state = 'dead'")
    webhook_ids = [
        row.id for row in await setup.rows("SELECT id FROM outbound_webhooks ORDER BY id")
    ]
    await token(setup, "clerk", Role.VIEWER)
    common = {
        "name": "shop",
        "order_no": ORDER_NO,
        "notice_id": first,
        "event_id": (await setup.rows("SELECT id FROM events"))[0].id,
        "webhook_id": webhook_ids[0],
        "sample_id": await sample(setup),
        "recovery_id": await recovery(setup),
        "review_id": await review(setup),
        "sendid": "A-9999",
        "reconciliation_id": await reconciliation(setup),
        "application_id": await application(setup),
        "mail_id": await mail(setup),
    }
    await setup.run("INSERT INTO unwanted VALUES ('sendid', 'A-9999', now(), 'sato')")
    return {
        "*": common,
        "dismiss_notice": {"notice_id": second},
        "dismiss_mail": {"mail_id": await mail(setup)},
        "dismiss_outbound_webhook": {"webhook_id": webhook_ids[1]},
        "dismiss_rejected_sample": {"sample_id": await sample(setup)},
        "release_rejected_sample": {"sample_id": await sample(setup)},
        "revoke_token": {"name": "clerk"},
    }


def address(path: str, operation: str, names: Names) -> str:
    """Return the path with its values filled in."""
    return path.format(**{**names["*"], **names.get(operation, {})})


async def contents(setup: OperationsSetup) -> dict[str, list[Any]]:
    """Return every row of every table."""
    return {table: await setup.rows(f"SELECT * FROM {table} ORDER BY 1") for table in TABLES}
