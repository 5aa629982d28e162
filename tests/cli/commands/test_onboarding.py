"""`zeus-relay onboarding`: received and missing statuses and parameters.

A short module, because each command group has its own.
"""

from tests.cli.conftest import Cli
from tests.operations.operations_setup import OperationsSetup


async def test_onboarding_prints_progress_and_next_steps(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", "04")
    shown = (await cli("onboarding")).stdout
    assert all(
        word in shown
        for word in ("入金済", "pay_limit", "払込用番号1", "What to do", "05 売上確定")
    )
    assert 2 == (await cli.json("onboarding", "--days", "3"))["calls"]


async def test_onboarding_reports_completion(cli: Cli, setup: OperationsSetup) -> None:
    await setup.judged("01", "04", "05")
    await setup.judged("01", "04", "06", order_no="1234-56789-01235")
    assert (
        "Everything that a test with Zeus can produce has arrived."
        in (await cli("onboarding")).stdout
    )
