"""Metric of internal errors: a failing application answers 500 and is counted, as the alert on lost
calls needs.
"""

from typing import Any

from app.metrics import registry
from app.receiver.http.request_cycle import Exchange, Wire


def _answered(status: str) -> float:
    return registry.get_sample_value("zeus_relay_calls_answered_total", {"status": status}) or 0


async def test_an_answer_of_500_is_counted() -> None:
    async def broken(_scope: Any, _receive: Any, _send: Any) -> None:
        raise RuntimeError("broken")

    written: list[bytes] = []
    before = _answered("500")
    await Exchange(Wire(b"/", b"", False), {"method": "GET"}, b"", written.append, closes=True).run(
        broken
    )
    assert (b"HTTP/1.1 500", 1) == (b"".join(written)[:12], _answered("500") - before)


def test_counters_of_what_should_never_happen_are_shown_from_the_start() -> None:
    assert {"500", "503", "none"} <= {
        sample.labels["status"]
        for family in registry.collect()
        if family.name == "zeus_relay_calls_answered"
        for sample in family.samples
    }
