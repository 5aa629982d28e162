"""Generator of the reference pages' tables and diagrams: `python -m tools.docs` runs it."""

import re
from collections.abc import Callable, Mapping
from pathlib import Path

from app.events.types import EventType
from app.judging.rules import EVENT_OF
from app.main.reference import env_example
from app.order_life.order_state import STATE_OF
from app.zeus.error_codes import ERROR_CODES
from app.zeus.statuses import FACTS, Status, Step, step
from app.zeus.stores import STORES
from tools.docs import diagram, japanese, simulator_tables
from tools.docs.architecture import layer_table, layer_table_in_japanese
from tools.docs.command_line import command_line, command_line_in_japanese
from tools.docs.event_tables import event_fields, schema_files
from tools.docs.log_events import log_table, log_table_in_japanese
from tools.docs.metric_families import metric_names, metric_names_in_japanese
from tools.docs.operations import api, api_in_japanese
from tools.docs.tables import head, row

ROOT = Path(__file__).parents[2]
_STEP_NAMES = {
    Step.NEXT: "next",
    Step.GAP: "gap",
    Step.LATE: "late",
    Step.PAID_AGAIN: "paid again",
    Step.CONTRADICTION: "contradiction",
    Step.CONTRADICTION_WITH_MONEY: "contradiction!",
    Step.REPEATED: "repeated",
}

_STATE_OF_OTHERS = {
    EventType.ORDER_EXPIRY_PRESUMED: "`expiry_presumed`",
    EventType.ORDER_RELEASED: "that of the order now",
    EventType.ORDER_RELEASE_REVOKED: "that of the order now",
    EventType.REVIEW_REQUIRED: "that of the order now",
    EventType.REVIEW_SETTLED: "that of the order now",
    EventType.WEBHOOK_TEST: "none: it is about no order",
}


def _yes(fact: bool) -> str:
    return "yes" if fact else "no"


def statuses() -> str:
    """Return the table of statuses: each with its event, state and flags."""
    rows = [
        row(
            f"`{status}`",
            facts.japanese,
            f"`{EVENT_OF[status]}`",
            f"`{STATE_OF[status]}`",
            _yes(facts.payable),
            _yes(facts.final),
            "only if ordered" if facts.only_if_ordered else "always",
        )
        for status, facts in FACTS.items()
    ]
    others = [
        row("-", "-", f"`{event}`", _STATE_OF_OTHERS[event], "-", "-", "-")
        for event in _STATE_OF_OTHERS
    ]
    names = head(
        "status", "name", "event type", "`order.state`", "`payable`", "`final`", "Zeus calls"
    )
    return names + "".join(rows + others)


def steps() -> str:
    """Return the step table: the meaning of a status that arrives after another."""
    names = head("now \\ arriving", *(f"`{status}`" for status in Status))
    rows = [
        row(
            "(none)" if now is None else f"`{now}`",
            *(_STEP_NAMES[step(now, arriving)] for arriving in Status),
        )
        for now in (None, *Status)
    ]
    return names + "".join(rows)


def stores() -> str:
    """Return the table of store chains with known names."""
    rows = [
        row(f"`{store.code}`", store.name, store.pay_no1_label, store.pay_no2_label or "")
        for store in sorted(STORES.values(), key=lambda store: store.code)
    ]
    return head("code", "name", "label of `pay_no1`", "label of `pay_no2`") + "".join(rows)


def error_codes() -> str:
    """Return the table of error codes of failed applications."""
    rows = [
        row(f"`{error.code}`", error.what, error.japanese, error.who)
        for error in ERROR_CODES.values()
    ]
    return head("code", "what failed", "in Japanese", "who can act") + "".join(rows)


def settings() -> str:
    """Return every setting as `.env.example` shows it."""
    entries = env_example().partition("\n\n")[2]
    return f"```sh\n{entries}```\n"


BLOCKS: Mapping[str, Callable[[], str]] = {
    "statuses": statuses,
    "statuses-ja": japanese.statuses,
    "statuses-in-full-ja": japanese.statuses_in_full,
    "event-fields": event_fields,
    "steps": steps,
    "steps-ja": japanese.steps,
    "stores": stores,
    "stores-ja": japanese.stores,
    "error-codes": error_codes,
    "error-codes-ja": japanese.error_codes,
    "settings": settings,
    "settings-ja": japanese.settings,
    "command-line": command_line,
    "command-line-ja": command_line_in_japanese,
    "metrics": metric_names,
    "metrics-ja": metric_names_in_japanese,
    "logs": log_table,
    "logs-ja": log_table_in_japanese,
    "layers": layer_table,
    "layers-ja": layer_table_in_japanese,
    "api": api,
    "simulator-variables": simulator_tables.simulator_variables,
    "simulator-variables-ja": simulator_tables.simulator_variables_in_japanese,
    "simulator-settings": simulator_tables.simulator_settings,
    "simulator-settings-ja": simulator_tables.simulator_settings_in_japanese,
    "simulator-magic": simulator_tables.magic_values,
    "simulator-magic-ja": simulator_tables.magic_values_in_japanese,
    "simulator-api": simulator_tables.simulator_api,
    "simulator-api-ja": simulator_tables.simulator_api_in_japanese,
    "api-ja": api_in_japanese,
}
PICTURES: Mapping[str, diagram.Words] = {
    "docs/explanation/order-states.svg": diagram.ENGLISH,
    "docs/explanation/order-states.ja.svg": diagram.JAPANESE,
}
_BLOCK = re.compile(r"(<!-- generated: ([a-z-]+) -->\n).*?(<!-- end -->)", re.DOTALL)


def filled(text: str) -> str:
    """Return a page's text with every generated block renewed."""
    return _BLOCK.sub(lambda block: f"{block[1]}\n{BLOCKS[block[2]]()}\n{block[3]}", text)


def pages() -> list[Path]:
    """Return every page of the documentation, including the README files."""
    return sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])


def main() -> None:
    """Write every generated block, diagram and schema."""
    for page in pages():
        page.write_text(filled(page.read_text()))
    for name, words in PICTURES.items():
        (ROOT / name).write_text(diagram.picture(words))
    for name, text in schema_files().items():
        (ROOT / name).write_text(text)
