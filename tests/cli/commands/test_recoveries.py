"""`zeus-relay outbound recover`, `recoveries` and `cancel-recovery`."""

from datetime import timedelta

from app.clock import now
from tests.cli.conftest import Cli
from tests.operations.operations_setup import (
    OperationsSetup,
)

URL = "https://shop.example/hooks"


async def test_recover_since_a_time_or_an_age(cli: Cli, setup: OperationsSetup) -> None:
    await setup.add()
    await setup.judged("01", "04")
    assert (
        "2 webhooks would be resent\n"
        == (await cli("outbound", "recover", "shop", "--since", "1h", "--dry-run")).stdout
    )
    since = (now() - timedelta(minutes=5)).isoformat()
    recovered = await cli.json(
        "outbound", "recover", "shop", "--since", since, "--events", "payment.received"
    )
    assert ("shop", 1, False) == (
        recovered["subscriber"],
        recovered["webhooks"],
        recovered["dry_run"],
    )
    assert (
        "cancelled after 0 of 1\n"
        == (await cli("outbound", "cancel-recovery", recovered["id"])).stdout
    )
    assert "cancelled" in (await cli("outbound", "cancel-recovery", recovered["id"], code=1)).stderr
    assert (
        "2 webhooks will be resent\n"
        == (
            await cli("outbound", "recover", "shop", "--since", "1d", "--all", "--rate", "7")
        ).stdout
    )
    assert [7, None] == [job["rate"] for job in (await cli.json("outbound", "recoveries"))["items"]]
    assert " everything " in (await cli("outbound", "recoveries")).stdout
    for since in ("yesterday", "2026-11-23T09:00", "99999999999d"):
        assert (
            "--since" in (await cli("outbound", "recover", "shop", "--since", since, code=2)).stderr
        )
    assert (
        "no subscriber"
        in (await cli("outbound", "recover", "none", "--since", "1h", code=1)).stderr
    )
