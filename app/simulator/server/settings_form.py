"""Form of the settings: a field for each setting, made from its schema, and the posted values."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import ValidationError

from app.simulator.player.orders import ALL_PARAMETERS
from app.simulator.state.settings import ALL_FAULTS, SimulatorSettings
from app.zeus.application import FIELDS, Rule
from app.zeus.stores import STORES

FIXED = ("anywhere", "mails.maildir")
"""Settings that only the start can set."""
SECTIONS: Mapping[str, Sequence[str]] = {
    "Calls": (
        "call_url",
        "method",
        "parameters",
        "style",
        "retries",
        "retry_after",
        "timeout",
        "user_agent",
        "optional_statuses",
    ),
    "Contract": (
        "clientips",
        "test_ids",
        "stores",
        "maintenance",
        "service_stopped",
        "deadline_days",
    ),
    "Where the manual is silent": (
        "named_faults",
        "named_fault_text",
        "failed_order_no",
        "shift_jis",
        "pay_after_reversal",
        "unknown_clientip",
        "invalid_testid",
        "pay_no_cycle",
        "order_prefix",
    ),
    "Mails": ("mails",),
    "Faults of calls": ("faults.calls",),
    "Faults of answers": ("faults.answers",),
    "Faults of mails": ("faults.mails",),
    "Clock": ("clock",),
}
"""Settings by heading; a group stands for all its settings."""
_CHOICES: Mapping[str, Sequence[str]] = {
    "parameters": ALL_PARAMETERS,
    "stores": tuple(STORES),
    "maintenance": tuple(STORES),
    "named_faults": (ALL_FAULTS, *FIELDS, *Rule),
}
Pairs = Mapping[str, Sequence[str]]


@dataclass(frozen=True, slots=True)
class FormField:
    """One setting in the form.

    `widget` is `checkbox`, `select`, `checkboxes`, `list` (texts with commas), `number` or `text`.
    `optional` says that an empty text is no value.
    """

    name: str
    about: str
    widget: str
    choices: tuple[str, ...] = ()
    minimum: float | None = None
    maximum: float | None = None
    step: str = "any"
    optional: bool = False


def fields() -> dict[str, FormField]:
    """Return every field by the setting's name, a group's with dots."""
    schema = SimulatorSettings.model_json_schema()
    return {field.name: field for field in _fields(schema, schema["$defs"]) if _is_open(field)}


def _is_open(field: FormField) -> bool:
    return field.name not in FIXED


def _fields(
    schema: Mapping[str, Any], definitions: Mapping[str, Any], prefix: str = ""
) -> Iterator[FormField]:
    for name, described in schema["properties"].items():
        kind = {**described, **_definition(described, definitions)}
        if "properties" in kind:
            yield from _fields(kind, definitions, f"{prefix}{name}.")
        else:
            yield _field(f"{prefix}{name}", kind, described["description"], definitions)


def _definition(kind: Mapping[str, Any], definitions: Mapping[str, Any]) -> dict[str, Any]:
    """Return the schema that a reference names, or the one of the two that is not null."""
    if reference := kind.get("$ref"):
        return dict(definitions[reference.rpartition("/")[2]])
    if parts := kind.get("anyOf"):
        return {**parts[0], "optional": True}
    return {}


def _field(
    name: str, kind: Mapping[str, Any], about: str, definitions: Mapping[str, Any]
) -> FormField:
    if kind["type"] == "array":
        items = {**kind["items"], **_definition(kind["items"], definitions)}
        choices = tuple(_CHOICES.get(name, items.get("enum", ())))
        return FormField(name, about, "checkboxes" if choices else "list", choices)
    if "enum" in kind:
        return FormField(name, about, "select", tuple(kind["enum"]))
    if kind["type"] == "boolean":
        return FormField(name, about, "checkbox")
    optional = kind.get("optional", False)
    if kind["type"] == "string":
        return FormField(name, about, "text", optional=optional)
    minimum, maximum = kind.get("minimum"), kind.get("maximum")
    step = "1" if kind["type"] == "integer" else "any"
    return FormField(name, about, "number", (), minimum, maximum, step, optional)


def sections() -> dict[str, list[FormField]]:
    """Return the fields under their headings."""
    known = fields()
    return {
        heading: [
            field
            for wanted in names
            for name, field in known.items()
            if name == wanted or name.startswith(f"{wanted}.")
        ]
        for heading, names in SECTIONS.items()
    }


def values_of(settings: SimulatorSettings) -> dict[str, Any]:
    """Return the value of each field as the form shows it: a text, a list or a truth."""
    dumped = settings.model_dump(mode="json")
    return {name: _shown(_at(dumped, name), field) for name, field in fields().items()}


def _at(values: Mapping[str, Any], name: str) -> Any:
    found: Any = values
    for part in name.split("."):
        found = found[part]
    return found


def _shown(value: Any, field: FormField) -> Any:
    if field.widget == "list":
        return ", ".join(value)
    if field.widget == "number":
        return f"{value:g}"
    return "" if value is None else value


def posted_values(pairs: Pairs) -> dict[str, Any]:
    """Return the value of each field of a posted form as the form shows it."""
    return {name: _posted(field, pairs.get(name, ())) for name, field in fields().items()}


def _posted(field: FormField, texts: Sequence[str]) -> Any:
    if field.widget == "checkbox":
        return bool(texts)
    if field.widget == "checkboxes":
        return list(texts)
    return texts[0].strip() if texts else ""


def settings_from(before: SimulatorSettings, posted: Mapping[str, Any]) -> SimulatorSettings:
    """Return the settings that a posted form asks for; what is fixed at the start stays.

    Raises:
        ValidationError: a value is not possible.
    """
    wanted = before.model_dump(mode="json")
    for name, field in fields().items():
        *groups, last = name.split(".")
        place = wanted
        for group in groups:
            place = place[group]
        place[last] = _meant(posted[name], field)
    return SimulatorSettings.model_validate(wanted)


def _meant(shown: Any, field: FormField) -> Any:
    if field.widget == "list":
        return [text.strip() for text in shown.split(",") if text.strip()]
    return None if field.optional and shown == "" else shown


def reasons_of(error: ValidationError) -> dict[str, tuple[str, Mapping[str, Any]]]:
    """Return what is wrong by field name: pydantic's words and the limits behind them.

    A fault of the settings as a whole is about the URL or the server that is not on this machine.
    """
    reasons: dict[str, tuple[str, Mapping[str, Any]]] = {}
    for fault in error.errors():
        words = fault["msg"].removeprefix("Value error, ")
        name = ".".join(str(part) for part in fault["loc"] if isinstance(part, str))
        whole = "mails.smtp" if "SMTP" in words else "call_url"
        reasons[name or whole] = (words, fault.get("ctx", {}))
    return reasons
